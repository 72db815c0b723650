// SPDX-License-Identifier: GPL-2.0
/*
 * Run criu. It stops at the actions that we ask for until we answer: its script, a
 * line of sh, writes to one pipe and reads from another.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct_criu.h"

/*
 * Descriptors of criu. The script has none of them, and opens them by their names in
 * /proc; it is in memory itself, since folders of ours may be on a file system
 * without exec.
 */
#define ASK_FD		7
#define ANSWER_FD	8
#define SCRIPT_FD	9

void ct_word(struct ct_words *words, const char *format, ...)
{
	char **more = reallocarray(words->word, words->n + 2, sizeof(*more));
	va_list args;

	if (!more) {
		words->err = rescore_error(-ENOMEM, "out of memory");
		return;
	}
	words->word = more;
	more[words->n + 1] = NULL;
	va_start(args, format);
	if (vasprintf(&more[words->n], format, args) < 0) {
		more[words->n] = NULL;
		words->err = rescore_error(-ENOMEM, "out of memory");
	} else {
		words->n++;
	}
	va_end(args);
}

void ct_words_free(struct ct_words *words)
{
	while (words->n)
		free(words->word[--words->n]);
	free(words->word);
	*words = (struct ct_words){ 0 };
}

int ct_criu_find(char *ret_path, size_t size)
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/sbin",
					       "/usr/bin", "/sbin" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(ret_path, size, "%s/criu", folders[i]);
		if (access(ret_path, X_OK) == 0)
			return 0;
	}
	return rescore_error(
		-EOPNOTSUPP,
		"criu is not installed, which makes checkpoints: install the package criu");
}

/* --- its log ------------------------------------------------------------------------ */

/* What it says last before it says that it failed. */
static int failed(const struct ct_criu *criu)
{
	char path[PATH_MAX], line[512], last[512] = "", *text;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", criu->dir, criu->log);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		text = strstr(line, "Error (");
		text = text ? strstr(text, "): ") : NULL;
		if (text && !strstr(text, "FAILED") &&
		    !strstr(text, "Dump files") &&
		    !strstr(text, "exited, status=")) {
			snprintf(last, sizeof(last), "%s", text + 3);
			last[strcspn(last, "\n")] = '\0';
		}
	}
	if (file)
		fclose(file);
	return rescore_error(-EIO, "criu failed: %s (its log: %s)",
			     *last ? last : "it does not say why", path);
}

/* --- the process that becomes criu ---------------------------------------------------- */

/* To numbers that the script knows, inherited; sources are above them. */
static void pass(int ask, int answer, int script)
{
	ask = fcntl(ask, F_DUPFD_CLOEXEC, 20);
	answer = fcntl(answer, F_DUPFD_CLOEXEC, 20);
	script = fcntl(script, F_DUPFD_CLOEXEC, 20);
	dup2(ask, ASK_FD);
	dup2(answer, ANSWER_FD);
	dup2(script, SCRIPT_FD);
}

static int take_null(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return rescore_error(-errno, "cannot open /dev/null: %s",
				     strerror(errno));
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	return 0;
}

static int write_script(const struct ct_criu *criu)
{
	int fd = memfd_create("rescore-criu", MFD_CLOEXEC);
	size_t i;

	if (fd < 0)
		return rescore_error(-errno, "memfd: %s", strerror(errno));
	dprintf(fd, "#!/bin/sh\ncase $CRTOOLS_SCRIPT_ACTION in\n");
	for (i = 0; criu->actions[i]; i++)
		dprintf(fd,
			"%s) echo %s ${CRTOOLS_INIT_PID:-0} >/proc/%d/fd/%d\n"
			"	read -r x </proc/%d/fd/%d && [ $x = yes ];;\n",
			criu->actions[i], criu->actions[i], getpid(), ASK_FD,
			getpid(), ANSWER_FD);
	dprintf(fd, "esac\n");
	return fd;
}

static void become_criu(struct ct_criu *criu, pid_t caller, int ask, int answer,
			int report)
{
	struct ct_report r = { 0 };
	int script, err;

	/* the images are no use without what we know */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != caller)
		_exit(1);
	setsid();
	ct_word(&criu->words, "--action-script");
	ct_word(&criu->words, "/proc/%d/fd/%d", getpid(), SCRIPT_FD);
	err = criu->words.err ?: criu->prepare(criu->arg);
	err = script = err ? err : write_script(criu);
	if (err >= 0) {
		err = take_null();
		if (!err) {
			pass(ask, answer, script);
			execv(criu->words.word[0], criu->words.word);
			err = rescore_error(-errno, "cannot execute %s: %s",
					    criu->words.word[0],
					    strerror(errno));
		}
	}
	r.err = err;
	snprintf(r.text, sizeof(r.text), "%s", rescore_strerror());
	(void)!write(report, &r, sizeof(r));
	_exit(1);
}

/* --- the caller ------------------------------------------------------------------------- */

/* One question; false: there are no more. */
static bool answer(struct ct_criu *criu, FILE *ask, int to, pid_t pid,
		   int *ret_err)
{
	char line[128], action[64];
	int init, err;

	if (!fgets(line, sizeof(line), ask))
		return false;
	if (sscanf(line, "%63s %d", action, &init) != 2)
		return true;
	err = criu->at(action, init, pid, criu->arg);
	if (err)
		*ret_err = err;
	(void)!write(to, err ? "no\n" : "yes\n", err ? 3 : 4);
	return true;
}

/* Until criu has ended. */
static int attend(struct ct_criu *criu, int ask_fd, int to, pid_t pid)
{
	FILE *ask = fdopen(ask_fd, "re");
	struct pollfd fds[] = { { ask_fd, POLLIN, 0 }, { -1, POLLIN, 0 } };
	bool asking = true;
	int status, err = 0;

	if (!ask) {
		close(ask_fd);
		kill(pid, SIGKILL);
	}
	fds[1].fd = syscall(SYS_pidfd_open, pid, 0);
	while (ask && poll(fds, 2, 1000) >= 0) {
		ct_lease(criu->rs, criu->slot);
		if (asking && fds[0].revents) {
			asking = answer(criu, ask, to, pid, &err);
			fds[0].fd = asking ? ask_fd : -1;
		} else if (fds[1].revents) {
			break;
		}
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(fds[1].fd);
	if (ask)
		fclose(ask);
	if (err)
		return err;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : failed(criu);
}

static int read_report(int fd)
{
	struct ct_report r = { 0 };

	if (read(fd, &r, sizeof(r)) != sizeof(r))
		return 0;
	r.text[sizeof(r.text) - 1] = '\0';
	return rescore_error(r.err, "%s", r.text);
}

int ct_criu_run(struct ct_criu *criu)
{
	int ask[2], to[2], report[2], err;
	pid_t pid, caller = getpid();
	void (*broken)(int);

	if (criu->words.err)
		return criu->words.err;
	if (pipe2(ask, O_CLOEXEC) < 0 || pipe2(to, O_CLOEXEC) < 0 ||
	    pipe2(report, O_CLOEXEC) < 0)
		return rescore_error(-errno, "pipe: %s", strerror(errno));
	broken = signal(SIGPIPE, SIG_IGN);
	ct_lease(criu->rs, criu->slot);
	pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		close(ask[0]);
		close(to[1]);
		close(report[0]);
		become_criu(criu, caller, ask[1], to[0], report[1]);
	}
	close(ask[1]);
	close(to[0]);
	close(report[1]);
	if (pid < 0) {
		err = rescore_error(-errno, "fork: %s", strerror(errno));
		close(ask[0]);
	} else {
		err = read_report(report[0]);
		if (err)
			close(ask[0]);
		if (err)
			waitpid(pid, NULL, 0);
		else
			err = attend(criu, ask[0], to[1], pid);
	}
	close(report[0]);
	close(to[1]);
	signal(SIGPIPE, broken);
	return err;
}
