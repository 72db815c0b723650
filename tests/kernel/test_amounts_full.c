// SPDX-License-Identifier: GPL-2.0
/*
 * Loaded with room for a few objects only: a file in memory that cannot be recorded
 * gets no page, never a free one, and everything can be given back. (An address
 * space has a task, whose payer has no room before it comes to that.)
 */
#include <sys/mount.h>

#include "puppet.h"

#define MOUNT "/tmp/kt-amounts"

FIXTURE(amounts)
{
	int slot, id;
	long room;
	struct puppet *p;
	uint64_t cursor;
};

FIXTURE_SETUP(amounts)
{
	world_begin(_metadata);
	self->id = rescore_find_resource(rs, "shmpages");
	ASSERT_LT(0, self->slot = make("kt-a"));
	self->p = puppet_in(self->slot);
	self->cursor = rescore_meta(rs)->event_head;
	/* one entry for two objects (shm.h), and the spare */
	self->room = (RESCORE_BUCKET_ENTRIES / 2 / 2
		      << rescore_meta(rs)->payers_bits) +
		     RESCORE_PAYERS_SPARE;
	mkdir(MOUNT, 0700);
	ASSERT_EQ(0, mount("kt", MOUNT, "tmpfs", 0, NULL));
}

FIXTURE_TEARDOWN(amounts)
{
	end_puppets();
	EXPECT_EQ(0, umount(MOUNT));
	/* refused for want of room, and reported: that is the test */
	shm->payers_lost = rescore_meta(rs)->payers_lost;
	world_end(_metadata);
	rmdir(MOUNT);
}

/* Files of a byte each, until one gets no page. How many; its errno: number[0]. */
static long write_files(long from, long most, long c)
{
	char name[64];
	long n, ret = 1;
	int fd;

	shm->number[0] = 0;
	for (n = 0; n < most && ret == 1; n++) {
		snprintf(name, sizeof(name), MOUNT "/%ld", from + n);
		fd = open(name, O_WRONLY | O_CREAT, 0600);
		ret = fd < 0 ? -1 : write(fd, name, 1);
		if (ret != 1)
			shm->number[0] = errno;
		close(fd);
	}
	return ret == 1 ? n : n - 1;
}

static long unlink_files(long from, long n, long c)
{
	char name[64];

	while (n--) {
		snprintf(name, sizeof(name), MOUNT "/%ld", from + n);
		unlink(name);
	}
	return 0;
}

TEST_F(amounts, files)
{
	struct rescore_event event = {};
	long n;

	n = puppet_do(self->p, write_files, 0, 2 * self->room, 0);
	EXPECT_EQ(self->room, n);
	EXPECT_EQ(ENOSPC, shm->number[0]);
	EXPECT_EQ(n, held(self->slot, self->id));
	EXPECT_LE(1, failcnt(self->slot, self->id));
	EXPECT_LT(shm->payers_lost, rescore_meta(rs)->payers_lost);
	while (event.kind != RESCORE_EV_NO_PAYER &&
	       rescore_next_event(rs, &self->cursor, &event, NULL) == 1)
		;
	EXPECT_EQ(RESCORE_EV_NO_PAYER, event.kind);
	EXPECT_EQ(self->id, event.resource);
	EXPECT_CLEAN_AUDIT(0);
	/* what one gives back the next can have, and not one more */
	puppet_do(self->p, unlink_files, 0, PRIME, 0);
	EXPECT_HELD(n - PRIME, self->slot, self->id);
	EXPECT_EQ(PRIME, puppet_do(self->p, write_files, n + 1, 100, 0));
	EXPECT_EQ(ENOSPC, shm->number[0]);
	puppet_do(self->p, unlink_files, 0, n + 100 + 1, 0);
	EXPECT_HELD(0, self->slot, self->id);
	EXPECT_EQ(PRIME, puppet_do(self->p, write_files, 0, PRIME, 0));
	puppet_do(self->p, unlink_files, 0, PRIME, 0);
}

static const struct rescore_load_opts opts = {
	.only = "vm,numproc",
	.objects = 8,
};

RESCORE_TEST_MAIN(&opts)
