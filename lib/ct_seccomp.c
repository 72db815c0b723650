// SPDX-License-Identifier: GPL-2.0
/* The filter of system calls (filter/filter.c), as it was built. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "ct.h"

__asm__(".section .rodata\n"
	".balign 8\n"
	".global ct_filter_begin\n.hidden ct_filter_begin\n"
	".global ct_filter_size\n.hidden ct_filter_size\n"
	"ct_filter_begin: .incbin \"" CT_FILTER "\"\n"
	"1:\n"
	".balign 8\n"
	"ct_filter_size: .quad 1b - ct_filter_begin\n"
	".previous\n");

extern struct sock_filter ct_filter_begin[];
extern const uint64_t ct_filter_size;

int ct_limit_calls(void)
{
	struct sock_fprog filter = {
		.len = ct_filter_size / sizeof(struct sock_filter),
		.filter = ct_filter_begin,
	};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		return -errno;
	return 0;
}
