/* SPDX-License-Identifier: GPL-2.0 */
/* The sockets that the kernel has, whoever pays for them. For audit.c. */
#ifndef RESCORE_AUDIT_SOCKS_H
#define RESCORE_AUDIT_SOCKS_H

#include "internal.h"

/* As the programs sockets__audit_* write it. */
struct rescore_sock {
	uint64_t address;
	uint64_t cgroup;	/* id */
	uint32_t kind;		/* enum rescore_object */
	uint32_t unknown;	/* its cgroup does not tell who pays */
};

/*
 * Every socket behind a descriptor of any process, and every TCP, UDP, AF_UNIX
 * and netlink socket that has a name in a network namespace with a process in
 * it. Sorted by address, each once; malloc. 0 or -errno.
 */
int rescore_find_socks(struct rescore_sock **ret_socks, size_t *ret_n);

/* Of those that the last call found: is there one at this low @address? */
bool rescore_has_sock(const struct rescore_sock *socks, size_t n,
		      uint64_t address);

/* Does the kernel still have a socket there, though nothing shows it? */
bool rescore_sock_lives(uint64_t address);

#endif /* RESCORE_AUDIT_SOCKS_H */
