// SPDX-License-Identifier: GPL-2.0
/*
 * Start a container. Three processes: the caller waits for reports; the builder has
 * the host's rights and a mount namespace of its own; the container's first process
 * is cloned from it straight into the cgroup, waits until its ids are mapped and its
 * network is there, moves in, gives up its rights and becomes init. If one of them
 * is killed, the others end too, and the mounts with their namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct.h"

#define INIT_REPORT_FD	3

static void report(int fd, int err)
{
	struct ct_report r = { .err = err };

	snprintf(r.text, sizeof(r.text), "%s", rescore_strerror());
	(void)!write(fd, &r, sizeof(r));
}

/* --- the container's first process -------------------------------------------------- */

/* Commands that are an init themselves need none of ours. */
static bool is_init(const char *command)
{
	const char *base = strrchr(command, '/') ? strrchr(command, '/') + 1 :
						   command;

	return !strcmp(base, "init") || !strcmp(base, "systemd");
}

static int become_inner_root(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
	    setresuid(0, 0, 0) < 0)
		return rescore_error(-errno, "cannot become its root: %s",
				     strerror(errno));
	return 0;
}

/* Descriptors: 0 null, 1 and 2 the log, 3 the report; nothing else stays. */
static void arrange_descriptors(int *report_fd, int log)
{
	int null = open("/dev/null", O_RDONLY);

	*report_fd = fcntl(*report_fd, F_DUPFD, 10);
	log = fcntl(log, F_DUPFD, 10);
	if (null >= 0)
		dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	dup2(*report_fd, INIT_REPORT_FD);
	*report_fd = INIT_REPORT_FD;
	fcntl(INIT_REPORT_FD, F_SETFD, FD_CLOEXEC);
	close_range(INIT_REPORT_FD + 1, ~0U, 0);
}

static void run_init(const struct ct_start *s, int report_fd, char **env)
{
	struct ct_report failed = { .from_exec = 1 };
	char **argv;
	size_t n;

	if (is_init(s->argv[0])) {
		execvpe(s->argv[0], s->argv, env);
	} else {
		for (n = 0; s->argv[n]; n++)
			;
		argv = calloc(n + 2, sizeof(*argv));
		if (argv) {
			argv[0] = (char *)"rescore-init";
			memcpy(argv + 1, s->argv, n * sizeof(*argv));
			fcntl(report_fd, F_SETFD, 0);
			execve(CT_INIT_PATH, argv, env);
		}
	}
	failed.err = -errno;
	(void)!write(report_fd, &failed, sizeof(failed));
}

static void first_process(struct ct_start *s, int go)
{
	char **env = ct_environment(s->ct), one;
	int err = 0;

	prctl(PR_SET_DUMPABLE, 0);
	/* the builder says when; if it is gone, so are we */
	if (read(go, &one, 1) != 1)
		_exit(1);
	close(go);
	umask(022);
	if (s->map.count)
		err = become_inner_root();
	err = err ?: ct_move_in(s);
	if (err || !env) {
		report(s->report_fd, err ?: -ENOMEM);
		_exit(1);
	}
	arrange_descriptors(&s->report_fd, s->log_fd);
	setsid();
	err = ct_confine(s->caps);
	if (err)
		report(s->report_fd, err);
	else
		run_init(s, s->report_fd, env);
	_exit(127);
}

/* --- the builder ------------------------------------------------------------------ */

static pid_t clone_first(struct ct_start *s, int *ret_go)
{
	unsigned long spaces = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID |
			       CLONE_NEWNET | CLONE_NEWTIME;
	struct clone_args args = {
		.flags = (spaces & ~s->shared) | CLONE_NEWNS |
			 CLONE_INTO_CGROUP | (s->map.count ? CLONE_NEWUSER : 0),
		.exit_signal = SIGCHLD,
		.cgroup = (unsigned int)s->cgroup_fd,
	};
	int go[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) < 0)
		return -errno;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		close(go[1]);
		first_process(s, go[0]);
	}
	close(go[0]);
	if (pid < 0) {
		pid = -errno;
		close(go[1]);
		return rescore_error(pid, "cannot make its first process: %s",
				     strerror(-pid));
	}
	*ret_go = go[1];
	return pid;
}

static int prepare_first(struct ct_start *s, pid_t pid)
{
	int err = 0;

	if (s->map.count)
		err = ct_write_maps(pid, &s->map);
	if (!err && s->net.mode == CT_NET_VETH)
		err = ct_make_veth(s, pid);
	return err ?: ct_note_init(s->name, pid);
}

static int build(struct ct_start *s)
{
	int go = -1, err;
	pid_t pid;

	setsid();
	if (unshare(CLONE_NEWNS) < 0)
		return rescore_error(-errno,
				     "cannot make a mount namespace: %s",
				     strerror(errno));
	if (s->map.count) {
		s->userns_fd = ct_make_userns(&s->map);
		if (s->userns_fd < 0)
			return s->userns_fd;
	}
	err = ct_build_root(s);
	if (err)
		return err;
	if (s->net.mode == CT_NET_IP)
		err = ct_restrict_addresses(s);
	if (err)
		return err;
	pid = clone_first(s, &go);
	if (pid < 0)
		return pid;
	err = prepare_first(s, pid);
	if (err) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return err;
	}
	return write(go, "", 1) == 1 ? 0 : -EPIPE;
}

/* --- the caller ------------------------------------------------------------------------ */

static int wait_reports(int fd, const char *command)
{
	struct ct_report r;
	ssize_t n;

	/* end of file: all who could complain have executed something */
	do {
		memset(&r, 0, sizeof(r));
		n = read(fd, &r, sizeof(r));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	if (r.from_exec)
		return rescore_error(r.err, "\"%s\" could not be started: %s",
				     command, strerror(-r.err));
	r.text[sizeof(r.text) - 1] = '\0';
	return rescore_error(r.err, "%s", r.text);
}

int ct_start_parse(struct ct_start *s)
{
	const struct rescore_ct *ct = s->ct;
	int err;

	err = rescore_ct_check(ct);
	err = err ?: ct_parse_net(ct_first(ct, CT_NET) ?: "none", &s->net);
	err = err   ?:
		      ct_parse_userns(ct_first(ct, CT_USERNS) ?: "host",
				      s->slot, &s->map);
	err = err ?: ct_parse_share(ct_first(ct, CT_SHARE) ?: "", &s->shared);
	s->caps = ct_default_caps;
	if (!err && ct_first(ct, CT_CAP))
		err = ct_parse_caps(ct_first(ct, CT_CAP), &s->caps);
	if (s->net.mode == CT_NET_HOST || s->net.mode == CT_NET_IP)
		s->shared |= CLONE_NEWNET;
	ct_path(s->root, sizeof(s->root), RESCORE_CT_RUN, s->name, "root");
	return err;
}

int ct_start_open(const struct rescore *rs, struct ct_start *s, int log_flags)
{
	char path[PATH_MAX];
	int err;

	err = ct_make_dirs(s->root);
	err = err ?: rescore_cgroup_path(rs, s->slot, 0, path, sizeof(path));
	if (err)
		return err;
	s->cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->cgroup_fd < 0)
		return rescore_error(-errno, "cannot open %s: %s", path,
				     strerror(errno));
	ct_path(path, sizeof(path), RESCORE_CT_STORE, s->name, "log");
	s->log_fd = open(path,
			 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | log_flags,
			 0600);
	if (s->log_fd < 0)
		return rescore_error(-errno, "cannot open %s: %s", path,
				     strerror(errno));
	return 0;
}

static int start(struct ct_start *s)
{
	pid_t builder, caller = getpid();
	int pipe_fd[2], err;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return rescore_error(-errno, "pipe: %s", strerror(errno));
	s->report_fd = pipe_fd[1];
	builder = fork();
	if (builder == 0) {
		/* nobody cleans up a start that goes on without who began it */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != caller)
			_exit(1);
		close(pipe_fd[0]);
		err = build(s);
		if (err)
			report(s->report_fd, err);
		_exit(err ? 1 : 0);
	}
	err = builder < 0 ? -errno : 0;
	close(pipe_fd[1]);
	if (!err)
		err = wait_reports(pipe_fd[0], s->argv[0]);
	close(pipe_fd[0]);
	if (builder > 0)
		waitpid(builder, NULL, 0);
	if (err)
		ct_forget_init(s->name);
	return err;
}

/* One start at a time; the lock goes with the last process that has it. */
int ct_start_lock(struct ct_start *s)
{
	char path[PATH_MAX];

	ct_path(path, sizeof(path), RESCORE_CT_STORE, s->name, NULL);
	s->lock_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX) < 0)
		return rescore_error(-errno, "cannot lock %s: %s", path,
				     strerror(errno));
	return 0;
}

int ct_check_idle(const struct rescore *rs, const struct ct_start *s)
{
	int fd = ct_init_pidfd(s->name, NULL), n;

	if (fd >= 0) {
		close(fd);
		return rescore_error(-EALREADY, "\"%s\" runs already", s->name);
	}
	n = rescore_nr_processes(rs, s->slot);
	if (n > 0)
		return rescore_error(
			-EBUSY,
			"\"%s\" has %d processes of a run before: kill them",
			s->name, n);
	return n;
}

int ct_start_begin(const struct rescore *rs, unsigned int slot,
		   struct ct_start *s)
{
	const struct rescore_container *c = rescore_container(rs, slot);
	int err;

	*s = (struct ct_start){ .slot = slot,
				.cgroup_fd = -1,
				.log_fd = -1,
				.lock_fd = -1,
				.userns_fd = -1 };
	if (!c) {
		rescore_error(-ENOENT, "no container in slot %u", slot);
		return -ENOENT;
	}
	s->name = c->name;
	err = rescore_ct_load(c->name, &s->ct);
	err = err ?: ct_start_lock(s);
	err = err ?: rescore_check_slot(rs, slot);
	if (err)
		ct_start_end(s);
	return err;
}

void ct_start_end(struct ct_start *s)
{
	if (s->cgroup_fd >= 0)
		close(s->cgroup_fd);
	if (s->log_fd >= 0)
		close(s->log_fd);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	rescore_ct_free(s->ct);
	s->ct = NULL;
}

static int start_locked(struct rescore *rs, struct ct_start *s)
{
	int err = ct_check_idle(rs, s);

	err = err ?: ct_start_parse(s);
	err = err ?: ct_recover(rs, s);
	err = err ?: ct_start_open(rs, s, O_TRUNC);
	return err ?: start(s);
}

/* The next start, and restart, run the same again. */
static int remember(const char *name, struct rescore_ct *ct, char *const argv[])
{
	int err = 0;

	rescore_ct_unset(ct, "init");
	for (; !err && *argv; argv++)
		err = rescore_ct_set(ct, "init", *argv);
	return err ?: rescore_ct_store(name, ct);
}

/* What cannot be remembered is not started: it would end with the next restart. */
static int start_new(struct rescore *rs, struct ct_start *s, char *const argv[])
{
	struct rescore_ct *before;
	char *why;
	int err;

	err = ct_check_idle(rs, s);
	err = err ?: rescore_ct_load(s->name, &before);
	if (err)
		return err;
	err = remember(s->name, s->ct, argv);
	if (!err) {
		err = start_locked(rs, s);
		if (err) {
			why = strdup(rescore_strerror());
			rescore_ct_store(s->name, before);
			rescore_error_again(err, why);
		}
	}
	rescore_ct_free(before);
	return err;
}

int rescore_ct_start(struct rescore *rs, unsigned int slot, char *const argv[])
{
	static char *const usual[] = { (char *)"/sbin/init", NULL };
	char **stored = NULL;
	struct ct_start s;
	struct ct_list *init;
	int err;

	err = ct_start_begin(rs, slot, &s);
	if (err)
		return err;
	init = &s.ct->key[CT_INIT];
	s.argv = argv;
	if (!argv)
		s.argv = usual;
	if (!argv && init->n) {
		stored = calloc(init->n + 1, sizeof(*stored));
		if (stored)
			memcpy(stored, init->value, init->n * sizeof(*stored));
		else
			err = rescore_error(-ENOMEM, "out of memory");
		s.argv = stored;
	}
	if (!err)
		err = argv ? start_new(rs, &s, argv) : start_locked(rs, &s);
	free(stored);
	ct_start_end(&s);
	return err;
}
