/* SPDX-License-Identifier: GPL-2.0 */
/* For tests of tcpsndbuf, tcprcvbuf, othersockbuf, dgramrcvbuf. */
#ifndef RESCORE_BUFFERS_H
#define RESCORE_BUFFERS_H

#include <linux/sock_diag.h>

#include "net.h"

static int tcpsndbuf, tcprcvbuf, othersockbuf, dgramrcvbuf;

static inline void find_buffers(void)
{
	tcpsndbuf = rescore_find_resource(rs, "tcpsndbuf");
	tcprcvbuf = rescore_find_resource(rs, "tcprcvbuf");
	othersockbuf = rescore_find_resource(rs, "othersockbuf");
	dgramrcvbuf = rescore_find_resource(rs, "dgramrcvbuf");
}

/* --- what the kernel says ----------------------------------------------------------- */

/* Sum of SO_MEMINFO's element @which over @n sockets from @first on. */
static inline long meminfo(long first, long n, long which)
{
	uint32_t info[SK_MEMINFO_VARS] = {};
	socklen_t size;
	long sum = 0, i;

	for (i = 0; i < n; i++) {
		size = sizeof(info);
		if (getsockopt(first + i, SOL_SOCKET, SO_MEMINFO, info, &size))
			return -errno;
		sum += info[which];
	}
	return sum;
}

/* Is held what the sockets of puppet @p have? It settles: packets move still. */
static inline bool is_exact(struct puppet *p, int slot, int id, int first,
			    int n, int which)
{
	int64_t now = 0, really = 0;
	bool same;

	same = eventually(({
		really = puppet_do(p, meminfo, first, n, which);
		now = held(slot, id);
		now == really &&really ==
			puppet_do(p, meminfo, first, n, which);
	}));
	if (!same)
		fprintf(stderr, "# held %" PRId64 ", really %" PRId64 "\n", now,
			really);
	return same;
}

#define EXPECT_EXACT(p, slot, id, first, n, which) \
	EXPECT_TRUE(is_exact(p, slot, id, first, n, SK_MEMINFO_##which))

/* Write to each of @n until it would block. Bytes, or -errno. */
static inline long fill(long first, long n, long size)
{
	static char junk[1 << 16];
	long sum = 0, i, ret;

	for (i = 0; i < n; i++) {
		while ((ret = send(first + i, junk, size,
				   MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
			sum += ret;
		if (errno != EAGAIN && errno != ENOBUFS)
			return -errno;
	}
	return sum;
}

/* Read from each of @n what there is, at most @most bytes. */
static inline long drain(long first, long n, long most)
{
	static char junk[1 << 16];
	long sum = 0, i, ret = 0, size;

	for (i = 0; i < n; i++)
		for (size = 0; size < most; size += ret) {
			ret = recv(first + i, junk, sizeof(junk), MSG_DONTWAIT);
			if (ret <= 0)
				break;
			sum += ret;
		}
	return sum;
}

/* @n datagrams of @size bytes; how many could be sent. */
static inline long send_many(long fd, long n, long size)
{
	static char junk[1 << 16];
	long i, sent = 0;

	for (i = 0; i < n; i++)
		sent += send(fd, junk, size, MSG_DONTWAIT) == size;
	return sent;
}

#endif /* RESCORE_BUFFERS_H */
