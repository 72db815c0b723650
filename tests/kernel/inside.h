/* SPDX-License-Identifier: GPL-2.0 */
/* What the administrator does in a container. */
#ifndef RESCORE_INSIDE_H
#define RESCORE_INSIDE_H

#include "rescore_test.h"

#define BUSYBOX "/bin/busybox"	/* static: its execve opens one file */

/* Enter @slot in a child and run @script there. Returns its exit status. */
static inline int run_inside(int slot, bool admin, const char *script)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		/* the shell's complaints are what is wanted here */
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		if (rescore_enter(rs, slot, admin))
			_exit(101);
		execl(BUSYBOX, "sh", "-c", script, NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif /* RESCORE_INSIDE_H */
