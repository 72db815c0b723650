/* SPDX-License-Identifier: GPL-2.0 */
/* A system call of a program without a C library: its result, or -errno. */
#ifndef RESCORE_INIT_CALL_H
#define RESCORE_INIT_CALL_H

static long call4(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

#endif /* RESCORE_INIT_CALL_H */
