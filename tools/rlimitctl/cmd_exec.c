// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rescore_ct.h"
#include "rlimitctl.h"

/* What execvp() failed with, in one line that says what helps. */
static int exec_failed(const char *name, const char *program, bool admin,
		       int err)
{
	bool full = err == ENFILE || err == EAGAIN || err == ENOMEM;

	if (full && !admin)
		fail("\"%s\" could not be started in \"%s\": %s; "
		     "--admin starts it whatever the limits",
		     program, name, strerror(err));
	else
		fail("\"%s\" could not be started in \"%s\": %s", program, name,
		     strerror(err));
	return err == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXEC;
}

/* In a container with namespaces; a status, as a shell has it. */
static int exec_inside(struct rescore *rs, unsigned int slot, const char *name,
		       const struct rescore_ct_exec *exec)
{
	int status, err = rescore_ct_exec(rs, slot, exec, &status);

	if (err == -ENOENT || err == -EACCES || err == -ENOEXEC ||
	    err == -ENFILE || err == -EAGAIN || err == -ENOMEM)
		return exec_failed(name, exec->argv[0], exec->admin, -err);
	if (err)
		return fail("%s", rescore_strerror());
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

static int exec_in(const struct invocation *inv, char *const *argv, bool tty)
{
	struct rescore_ct_exec exec = { argv, tty, inv->option[OPT_ADMIN] };
	struct rescore *rs;
	unsigned int slot;
	int status;

	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = find_container(rs, inv->argv[0], &slot);
	if (!status && rescore_ct_stored(inv->argv[0])) {
		status = exec_inside(rs, slot, inv->argv[0], &exec);
		rescore_close(rs);
		return status;
	}
	if (!status && rescore_enter(rs, slot, exec.admin))
		status = fail("%s", rescore_strerror());
	rescore_close(rs);
	if (status)
		return status;
	execvp(argv[0], argv);
	return exec_failed(inv->argv[0], argv[0], exec.admin, errno);
}

int cmd_exec(const struct invocation *inv)
{
	return exec_in(inv, inv->argv + 1,
		       isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}

int cmd_enter(const struct invocation *inv)
{
	static char *const shell[] = { (char *)"/bin/sh", (char *)"-l", NULL };

	return exec_in(inv, shell, isatty(STDIN_FILENO));
}

int cmd_kill(const struct invocation *inv)
{
	const char *name = inv->option[OPT_SIGNAL];
	int sig = parse_signal(name ? name : "KILL");
	struct rescore *rs;
	unsigned int slot;
	int status;

	if (sig < 0)
		return fail(
			"unknown signal \"%s\": say KILL, SIGTERM, 15, RTMIN+1 ...",
			name);
	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = find_container(rs, inv->argv[0], &slot);
	if (!status && rescore_kill(rs, slot, sig) < 0)
		status = fail("%s", rescore_strerror());
	rescore_close(rs);
	return status;
}
