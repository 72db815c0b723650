// SPDX-License-Identifier: GPL-2.0
/*
 * Run a command in a container that runs. The process is cloned into the cgroup,
 * exempt from its limits until it executes the command, cannot be traced meanwhile,
 * and has from then on what the container's processes have.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct.h"

struct entry {
	const struct rescore_ct_exec *exec;
	const struct rescore_ct *ct;
	int init;		/* pidfd */
	pid_t init_pid;
	int cgroup_fd;
	int admin;		/* program */
	int report;
	int channel;		/* the terminal goes through it */
	uint64_t caps;
	struct ct_map map;
};

static bool protected(void)
{
	struct statvfs fs;

	return statvfs("/proc/self/exe", &fs) == 0 && fs.f_flag & ST_RDONLY;
}

int rescore_ct_protect(char *const argv[])
{
	int fd, mount;

	if (protected() || geteuid())
		return 0;
	fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (fd < 0)
		return rescore_error(-errno, "cannot open /proc/self/exe: %s",
				     strerror(errno));
	mount = ct_clone_mount(fd, false, MOUNT_ATTR_RDONLY, -1);
	close(fd);
	if (mount < 0)
		return mount;
	execveat(mount, "", argv, environ, AT_EMPTY_PATH);
	close(mount);
	return rescore_error(-errno, "cannot execute ourselves: %s",
			     strerror(errno));
}

/* --- inside ----------------------------------------------------------------------------- */

/* Those of its namespaces that are not ours, too. */
static int foreign_spaces(pid_t pid, int *ret_flags)
{
	static const struct {
		const char *name;
		int flag;
	} spaces[] = {
		{ "user", CLONE_NEWUSER }, { "mnt", CLONE_NEWNS },
		{ "uts", CLONE_NEWUTS },   { "ipc", CLONE_NEWIPC },
		{ "net", CLONE_NEWNET },   { "cgroup", CLONE_NEWCGROUP },
		{ "time", CLONE_NEWTIME }, { "pid", CLONE_NEWPID },
	};
	struct stat own, its;
	char path[64];
	size_t i;

	*ret_flags = 0;
	for (i = 0; i < ARRAY_SIZE(spaces); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid,
			 spaces[i].name);
		if (stat(path, &its) < 0)
			return -errno;
		snprintf(path, sizeof(path), "/proc/self/ns/%s",
			 spaces[i].name);
		if (stat(path, &own) < 0)
			return -errno;
		if (own.st_ino != its.st_ino)
			*ret_flags |= spaces[i].flag;
	}
	return 0;
}

static int send_fd(int channel, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	return sendmsg(channel, &m, 0) == 1 ? 0 : -errno;
}

static int receive_fd(int channel)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	struct cmsghdr *head;
	int fd = -1;

	if (recvmsg(channel, &m, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&m);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(int));
	return fd;
}

/* A pair of the container's own devpts: the other side of it is ours. */
static int take_terminal(int channel)
{
	int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave, zero = 0, err;

	if (master < 0)
		return rescore_error(-errno,
				     "cannot open its /dev/pts/ptmx: %s",
				     strerror(errno));
	err = ioctl(master, TIOCSPTLCK, &zero) < 0 ? -errno : 0;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		err = -errno;
	err = err ?: send_fd(channel, master);
	close(master);
	if (!err && slave >= 0) {
		setsid();
		if (ioctl(slave, TIOCSCTTY, 0) < 0)
			err = -errno;
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
	}
	return err ? rescore_error(err, "cannot take a terminal of its: %s",
				   strerror(-err)) :
		     0;
}

static int move_over(const struct entry *e)
{
	int flags, err = foreign_spaces(e->init_pid, &flags);

	/* the pid namespace we were cloned into */
	flags &= ~CLONE_NEWPID;
	if (!err && flags && setns(e->init, flags) < 0)
		err = -errno;
	if (err)
		return rescore_error(err, "cannot enter its namespaces: %s",
				     strerror(-err));
	if (e->map.count && (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 ||
			     setresuid(0, 0, 0) < 0))
		return rescore_error(-errno, "cannot become its root");
	if (chdir("/") < 0)
		return rescore_error(-errno, "cannot enter its root");
	return 0;
}

static void say(int fd, int err, bool from_exec)
{
	struct ct_report r = { .err = err, .from_exec = from_exec };

	snprintf(r.text, sizeof(r.text), "%s", rescore_strerror());
	(void)!write(fd, &r, sizeof(r));
	_exit(127);
}

static void inside(const struct entry *e, char **env)
{
	int err;

	err = rescore_become_admin(e->admin, e->exec->admin);
	err = err ?: move_over(e);
	if (!err && e->exec->tty)
		err = take_terminal(e->channel);
	if (!err) {
		dup2(e->report, 3);
		fcntl(3, F_SETFD, FD_CLOEXEC);
		close_range(4, ~0U, CLOSE_RANGE_CLOEXEC);
		umask(022);
		err = ct_confine(e->caps);
	}
	if (err)
		say(e->report, err, false);
	execvpe(e->exec->argv[0], e->exec->argv, env);
	say(3, -errno, true);
}

/* --- outside ------------------------------------------------------------------------------ */

static pid_t clone_into(const struct entry *e, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP | CLONE_PIDFD,
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (unsigned int)e->cgroup_fd,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

/*
 * In a process between: whose pid namespace for children changes, and who is exempt
 * while it clones. It hands the status on.
 */
static void between(const struct entry *e)
{
	char **env = ct_environment(e->ct);
	int flags, pidfd, status, err;
	pid_t pid;

	prctl(PR_SET_DUMPABLE, 0);
	err = foreign_spaces(e->init_pid, &flags);
	if (!err && flags & CLONE_NEWPID && setns(e->init, CLONE_NEWPID) < 0)
		err = rescore_error(-errno,
				    "cannot enter its pid namespace: %s",
				    strerror(errno));
	err = err ?: rescore_become_admin(e->admin, false);
	if (err || !env)
		say(e->report, err ?: -ENOMEM, false);
	pid = clone_into(e, &pidfd);
	if (pid == 0)
		inside(e, env);
	if (pid < 0) {
		err = rescore_error(-errno, "cannot make a process in it: %s",
				    strerror(errno));
		say(e->report, err, false);
	}
	close(e->report);
	close(e->channel);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		prctl(PR_SET_DUMPABLE, 0);
		kill(getpid(), WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

static int read_report(int fd)
{
	struct ct_report r = { 0 };
	ssize_t n;

	do
		n = read(fd, &r, sizeof(r));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	r.text[sizeof(r.text) - 1] = '\0';
	return rescore_error(r.err, "%s",
			     r.from_exec ? strerror(-r.err) : r.text);
}

/* Signals to us are for the command, which is nearer to the keyboard anyway. */
static int run_between(struct entry *e, int *ret_status)
{
	int reports[2], channel[2], pidfd, master = -1, err = 0;
	pid_t pid;

	if (pipe2(reports, O_CLOEXEC) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0)
		return rescore_error(-errno, "pipe: %s", strerror(errno));
	e->report = reports[1];
	e->channel = channel[1];
	pid = fork();
	if (pid == 0) {
		close(reports[0]);
		close(channel[0]);
		between(e);
	}
	err = pid < 0 ? rescore_error(-errno, "fork: %s", strerror(errno)) : 0;
	close(reports[1]);
	close(channel[1]);
	if (!err && e->exec->tty)
		master = receive_fd(channel[0]);
	err = err ?: read_report(reports[0]);
	close(reports[0]);
	close(channel[0]);
	if (pid < 0)
		return err;
	if (!err && master >= 0) {
		pidfd = syscall(SYS_pidfd_open, pid, 0);
		ct_relay(master, pidfd);
		close(pidfd);
	}
	if (master >= 0)
		close(master);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return err;
}

int rescore_ct_exec(struct rescore *rs, unsigned int slot,
		    const struct rescore_ct_exec *exec, int *ret_status)
{
	const struct rescore_container *c = rescore_container(rs, slot);
	struct entry e = { .exec = exec, .caps = ct_default_caps };
	char path[PATH_MAX];
	struct rescore_ct *ct;
	int err;

	if (!c)
		return rescore_error(-ENOENT, "no container in slot %u", slot);
	if (!protected())
		return rescore_error(
			-EPERM,
			"this program can be written to: rescore_ct_protect() was not called");
	err = rescore_ct_load(c->name, &ct);
	if (err)
		return err;
	e.ct = ct;
	if (ct_first(ct, CT_CAP))
		err = ct_parse_caps(ct_first(ct, CT_CAP), &e.caps);
	err = err   ?:
		      ct_parse_userns(ct_first(ct, CT_USERNS) ?: "host", slot,
				      &e.map);
	err = err ?: rescore_cgroup_path(rs, slot, 0, path, sizeof(path));
	e.init = err ? err : ct_init_pidfd(c->name, &e.init_pid);
	e.admin = e.init < 0 ? -1 : rescore_admin_program();
	e.cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && e.init < 0)
		err = rescore_error(-ESRCH,
				    "\"%s\" does not run: `rlimitctl start %s`",
				    c->name, c->name);
	if (!err && ct_is_frozen(rs, slot))
		err = rescore_error(-EBUSY, "\"%s\" is frozen: thaw it first",
				    c->name);
	if (!err && e.admin < 0)
		err = e.admin;
	if (!err && e.cgroup_fd < 0)
		err = rescore_error(-errno, "cannot open %s", path);
	err = err ?: run_between(&e, ret_status);
	if (e.init >= 0)
		close(e.init);
	if (e.admin >= 0)
		close(e.admin);
	if (e.cgroup_fd >= 0)
		close(e.cgroup_fd);
	rescore_ct_free(ct);
	return err;
}
