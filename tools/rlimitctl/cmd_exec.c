// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <unistd.h>

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

int cmd_exec(const struct invocation *inv)
{
	bool admin = inv->option[OPT_ADMIN];
	struct rescore *rs;
	unsigned int slot;
	int status;

	status = open_session(inv, false, &rs);
	if (status)
		return status;
	status = find_container(rs, inv->argv[0], &slot);
	if (!status && rescore_enter(rs, slot, admin))
		status = fail("%s", rescore_strerror());
	rescore_close(rs);
	if (status)
		return status;
	execvp(inv->argv[1], inv->argv + 1);
	return exec_failed(inv->argv[0], inv->argv[1], admin, errno);
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
