/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of io_uring as the tests need, on the bare system calls: one request
 * at a time, and its result.
 */
#ifndef RESCORE_URING_H
#define RESCORE_URING_H

#include <linux/io_uring.h>

#include "rescore_test.h"

/* A process has one, at @fd. */
static struct uring {
	int fd;
	char *ring;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
} uring;

/* The ring's descriptor, or -errno. */
static inline long uring_open(long a, long b, long c)
{
	struct io_uring_params *p = &uring.params;
	size_t size;

	memset(&uring, 0, sizeof(uring));
	uring.fd = syscall(SYS_io_uring_setup, 8, p);
	if (uring.fd < 0)
		return -errno;
	size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	uring.ring = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, uring.fd,
			  IORING_OFF_SQ_RING);
	uring.sqes = mmap(NULL, p->sq_entries * sizeof(*uring.sqes),
			  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			  uring.fd, IORING_OFF_SQES);
	if (uring.ring == MAP_FAILED || uring.sqes == MAP_FAILED)
		return -errno;
	return uring.fd;
}

/* The mappings hold the ring open as its descriptor does. */
static inline long uring_close(long a, long b, long c)
{
	struct io_uring_params *p = &uring.params;

	munmap(uring.sqes, p->sq_entries * sizeof(*uring.sqes));
	munmap(uring.ring,
	       p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe));
	return close(uring.fd) ? -errno : 0;
}

#define URING_WORD(offset) ((unsigned int *)(uring.ring + (offset)))

/* Start @sqe. 0 or -errno. */
static inline long uring_submit(const struct io_uring_sqe *sqe)
{
	unsigned int mask = *URING_WORD(uring.params.sq_off.ring_mask);
	unsigned int *tail = URING_WORD(uring.params.sq_off.tail);
	unsigned int index = *tail & mask;

	uring.sqes[index] = *sqe;
	URING_WORD(uring.params.sq_off.array)[index] = index;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, uring.fd, 1, 0, 0, NULL, 0) == 1 ?
		       0 :
		       -errno;
}

#ifndef IORING_CQE_F_NOTIF
#define IORING_CQE_F_NOTIF (1U << 3)
#endif

/*
 * Wait for a result, and take it. That the kernel has let go of what was sent without
 * a copy comes when it likes, and is none.
 */
static inline long uring_wait(long a, long b, long c)
{
	unsigned int mask = *URING_WORD(uring.params.cq_off.ring_mask);
	unsigned int *head = URING_WORD(uring.params.cq_off.head);
	unsigned int *tail = URING_WORD(uring.params.cq_off.tail);
	const struct io_uring_cqe *cqes =
		(void *)(uring.ring + uring.params.cq_off.cqes);
	struct io_uring_cqe found;

	do {
		while (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE))
			if (syscall(SYS_io_uring_enter, uring.fd, 0, 1,
				    IORING_ENTER_GETEVENTS, NULL, 0) < 0 &&
			    errno != EINTR)
				return -errno;
		found = cqes[*head & mask];
		__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	} while (found.flags & IORING_CQE_F_NOTIF);
	return found.res;
}

#endif /* RESCORE_URING_H */
