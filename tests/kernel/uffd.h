/* SPDX-License-Identifier: GPL-2.0 */
/* Pages that are put into a mapping without a write: userfaultfd(). */
#ifndef RESCORE_UFFD_H
#define RESCORE_UFFD_H

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include "tenant.h"

static inline long fill_by_uffd(long address, long pages, long c)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { address, pages * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_copy copy = {
		.dst = address,
		.len = pages * PAGE,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	void *from;

	if (fd < 0)
		return -errno;
	from = mmap(NULL, pages * PAGE, PROT_READ, PRIVATE, -1, 0);
	copy.src = (uintptr_t)from;
	if (from == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg) || ioctl(fd, UFFDIO_COPY, &copy))
		return -errno;
	munmap(from, pages * PAGE);
	close(fd);
	return 0;
}

#endif /* RESCORE_UFFD_H */
