/* SPDX-License-Identifier: GPL-2.0 */
/* Cgroups that rescore did not make, and what is recorded for a container. */
#ifndef CGROUPS_H
#define CGROUPS_H

#include <bpf/bpf.h>

#include "puppet.h"

#define BASE "/sys/fs/cgroup/kt"	/* cgroups that rescore did not make */

FIXTURE(container){};

FIXTURE_SETUP(container)
{
	world_begin(_metadata);
}

/* Cgroups recorded for @slot, from the pinned map itself. */
static int count_members(int slot)
{
	size_t n = (size_t)1 << rescore_meta(rs)->members_bits, i;
	int fd = bpf_obj_get(RESCORE_PIN_DIR "/members"), j, found = 0;
	struct rescore_bucket *members;

	members = mmap(NULL, n * sizeof(*members), PROT_READ, MAP_SHARED, fd,
		       0);
	close(fd);
	if (members == MAP_FAILED)
		return -errno;
	for (i = 0; i < n; i++)
		for (j = 0; j < RESCORE_BUCKET_ENTRIES; j++)
			if (members[i].entry[j] != RESCORE_TOMB &&
			    (members[i].entry[j] & 0xffff) == (unsigned)slot)
				found++;
	munmap(members, n * sizeof(*members));
	return found - (slot ? 0 : n * RESCORE_BUCKET_ENTRIES);
}

static int remove_dir(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

FIXTURE_TEARDOWN(container)
{
	end_puppets();
	world_end(_metadata);
	nftw(BASE, remove_dir, 8, FTW_DEPTH | FTW_PHYS);
}

#endif /* CGROUPS_H */
