// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of a container: starts the command, hands signals on to it,
 * reaps orphans, and ends with its status; the kernel then kills what is left.
 *
 * It has no C library and is part of librescore as an image (ct_image.c), executed
 * from a file system in memory that holds nothing else and is read-only:
 * /proc/1/exe of a container leads to no file of the host's.
 *
 *	argv: NAME COMMAND [ARGUMENT]...
 *	descriptor 3: why the command was not executed, as struct report
 */
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/wait.h>

#include "call.h"

#define REPORT_FD	3
#define NR_SIGNALS	64

/* The head of struct ct_report (ct.h). */
struct report {
	int err;
	int from_exec;
};

static long call3(long nr, long a, long b, long c)
{
	return call4(nr, a, b, c, 0);
}

static void leave(int status)
{
	for (;;)
		call3(__NR_exit_group, status, 0, 0);
}

static void fail(long err)
{
	struct report report = { (int)err, 1 };

	call3(__NR_write, REPORT_FD, (long)&report, sizeof(report));
	leave(err == -2 ? 127 : 126);
}

static const char *path_of(char **env)
{
	for (; *env; env++)
		if ((*env)[0] == 'P' && (*env)[1] == 'A' && (*env)[2] == 'T' &&
		    (*env)[3] == 'H' && (*env)[4] == '=')
			return *env + 5;
	return "/bin";
}

/* As execvp(): the first folder of PATH that has it. */
static void execute(char **argv, char **env)
{
	const char *path = path_of(env), *c, *word;
	char name[4096];
	long err, worst = -2;
	unsigned int n;

	for (c = argv[0]; *c; c++)
		if (*c == '/')
			fail(call3(__NR_execve, (long)argv[0], (long)argv,
				   (long)env));
	while (*path) {
		for (n = 0; *path && *path != ':' && n < 2000; path++)
			name[n++] = *path;
		name[n++] = '/';
		for (word = argv[0]; *word && n < sizeof(name) - 1; word++)
			name[n++] = *word;
		name[n] = '\0';
		err = call3(__NR_execve, (long)name, (long)argv, (long)env);
		if (err != -2)
			worst = err;
		if (*path)
			path++;
	}
	fail(worst);
}

static long start(char **argv, char **env)
{
	unsigned long none = 0;
	long pid = call3(__NR_fork, 0, 0, 0);

	if (pid)
		return pid;
	call3(__NR_setsid, 0, 0, 0);
	call4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof(none));
	execute(argv, env);
	return 0;
}

/* Reaps all that have ended. The status of @command if it was among them, or -1. */
static int reap(long command)
{
	int status = 0, ret = -1;
	long pid;

	while ((pid = call4(__NR_wait4, -1, (long)&status, WNOHANG | __WALL,
			    0)) > 0)
		if (pid == command)
			ret = status;
	return ret;
}

static void run(char **argv, char **env)
{
	unsigned long all = ~0UL;
	long command, sig;
	int status;

	/* a blocked signal waits for us, whatever init would ignore */
	call4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, sizeof(all));
	command = start(argv, env);
	if (command < 0)
		fail(command);
	call3(__NR_close, REPORT_FD, 0, 0);
	for (;;) {
		sig = call4(__NR_rt_sigtimedwait, (long)&all, 0, 0,
			    sizeof(all));
		if (sig > 0 && sig != SIGCHLD)
			call3(__NR_kill, command, sig, 0);
		status = reap(command);
		if (status < 0)
			continue;
		if (status & 0x7f)
			leave(128 + (status & 0x7f));
		leave(status >> 8 & 0xff);
	}
}

/* @stack: argc, argv[], NULL, env[], NULL */
__attribute__((used)) void begin(long *stack)
{
	char **argv = (char **)(stack + 1);

	if (stack[0] < 2)
		leave(2);
	call3(__NR_fcntl, REPORT_FD, F_SETFD, FD_CLOEXEC);
	run(argv + 1, argv + stack[0] + 1);
}

__asm__(".global _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call begin\n");
