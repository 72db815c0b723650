// SPDX-License-Identifier: GPL-2.0
/*
 * numflock: requests that fail after they were charged, before they are locks.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/filter.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "puppet.h"

#define LOCKED "/tmp/kt-refused"

FIXTURE(refused)
{
	int slot;
	struct puppet *p;
	int fd;
};

static void open_file(struct __test_metadata *_metadata,
		      FIXTURE_DATA(refused) * self)
{
	self->slot = make("kt-refused");
	ASSERT_LT(0, self->slot);
	self->p = puppet_in(self->slot);
	self->fd = puppet_open(self->p, LOCKED, O_RDWR | O_CREAT);
	ASSERT_EQ(PUPPET_FD, self->fd);
}

FIXTURE_SETUP(refused)
{
	world_begin(_metadata);
	open_file(_metadata, self);
}

FIXTURE_TEARDOWN(refused)
{
	end_puppets();
	world_end(_metadata);
	unlink(LOCKED);
}

/* --- by the kernel ------------------------------------------------------------- */

/* Of a lock of the bytes 10 to 99, and none of them is one in the end. */
static const struct {
	struct flock lock;
	int error;
} bad[] = {
	{ { F_RDLCK, SEEK_SET, 50, INT64_MAX, 0 }, EOVERFLOW },
	{ { F_UNLCK, SEEK_SET, 50, INT64_MAX, 0 }, EOVERFLOW },
	{ { F_RDLCK, SEEK_SET, 50, -60, 0 }, EINVAL },
	{ { F_UNLCK, SEEK_CUR, INT64_MAX, 10, 0 }, EOVERFLOW },
	{ { F_RDLCK, 7, 50, 10, 0 }, EINVAL },
	{ { F_UNLCK, 7, 50, 10, 0 }, EINVAL },
	{ { 7, SEEK_SET, 50, 10, 0 }, EINVAL },
};

static long lock_part(long fd, long start, long length)
{
	struct flock lock = { F_WRLCK, SEEK_SET, start, length, 0 };

	return result(fcntl(fd, F_SETLK, &lock));
}

static long lock_badly(long fd, long which, long unused)
{
	struct flock lock = bad[which].lock;

	lseek(fd, 1, SEEK_SET);
	return result(fcntl(fd, F_SETLK, &lock));
}

/* What is no range or no type costs nothing, where a good one would split a lock. */
TEST_F(refused, no_range)
{
	size_t i;

	EXPECT_EQ(0, puppet_do(self->p, lock_part, self->fd, 10, 90));
	set_bounds(self->slot, numflock, 10, 10);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-bad[i].error,
			  puppet_do(self->p, lock_badly, self->fd, i, 0));
		EXPECT_HELD(1, self->slot, numflock)
		{
			TH_LOG("after request %zu", i);
		}
	}
	EXPECT_EQ(0, failcnt(self->slot, numflock));
}

/* The same where a split would be refused: the next request does not suffer. */
TEST_F(refused, no_range_at_limit)
{
	size_t i;

	EXPECT_EQ(0, puppet_do(self->p, lock_part, self->fd, 10, 90));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		set_bounds(self->slot, numflock, 1, 1);
		EXPECT_GT(0, puppet_do(self->p, lock_badly, self->fd, i, 0));
		set_bounds(self->slot, numflock, 10, 10);
		EXPECT_EQ(0, puppet_sys(self->p, SYS_flock, self->fd, LOCK_SH,
					0, 0))
		{
			TH_LOG("after request %zu", i);
		}
		EXPECT_EQ(0, puppet_sys(self->p, SYS_flock, self->fd, LOCK_UN,
					0, 0));
		EXPECT_HELD(1, self->slot, numflock);
	}
}

/* --- by another security module -------------------------------------------------- */

FIXTURE(module)
{
	FIXTURE_DATA(refused) file;
	int link;
	volatile uint32_t *refuse;
};

static bool has_bpf_lsm(void)
{
	char names[256] = "";
	FILE *file = fopen("/sys/kernel/security/lsm", "re");

	if (file) {
		(void)fgets(names, sizeof(names), file);
		fclose(file);
	}
	return strstr(names, "bpf") != NULL;
}

/*
 * A program on security_file_lock that refuses while *@ret_refuse is not 0; of the
 * same kind as rescore's own, since of those that was attached last runs first.
 */
static int attach_module(volatile uint32_t **ret_refuse)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	bool lsm = has_bpf_lsm();
	LIBBPF_OPTS(bpf_prog_load_opts, hook,
		    .expected_attach_type = lsm ? BPF_LSM_MAC :
						  BPF_MODIFY_RETURN);
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "refuse", sizeof(uint32_t),
				 sizeof(uint64_t), 1, &opts);
	const struct bpf_insn insns[] = {
		{ BPF_LD | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, 0, map },
		{},
		{ BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_1, 0, 0 },
		{ BPF_ALU64 | BPF_MOV, BPF_REG_0, 0, 0, 0 },
		{ BPF_JMP | BPF_JEQ, BPF_REG_1, 0, 1, 0 },
		{ BPF_ALU64 | BPF_MOV, BPF_REG_0, 0, 0, -EPERM },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	int program, id = libbpf_find_vmlinux_btf_id(lsm ? "file_lock" :
							   "security_file_lock",
						     hook.expected_attach_type);
	void *value = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			   MAP_SHARED, map, 0);

	if (id < 0 || value == MAP_FAILED)
		return -1;
	*ret_refuse = value;
	hook.attach_btf_id = id;
	program = bpf_prog_load(lsm ? BPF_PROG_TYPE_LSM : BPF_PROG_TYPE_TRACING,
				"refuse", "GPL", insns, ARRAY_SIZE(insns),
				&hook);
	return program < 0 ? -1 : bpf_raw_tracepoint_open(NULL, program);
}

FIXTURE_SETUP(module)
{
	const struct rescore_load_opts locks = { .only = "locks,files" };

	rescore_close(rs);
	rs = NULL;
	ASSERT_EQ(0, rescore_unload(false));
	self->link = attach_module(&self->refuse);
	ASSERT_LE(0, self->link);
	ASSERT_EQ(0, rescore_load(&locks));
	world_begin(_metadata);
	open_file(_metadata, &self->file);
}

FIXTURE_TEARDOWN(module)
{
	*self->refuse = 0;
	close(self->link);
	end_puppets();
	world_end(_metadata);
	unlink(LOCKED);
	ASSERT_EQ(0, rescore_unload(false));
	ASSERT_EQ(0, rescore_load(NULL));
}

static long flock_of(FIXTURE_DATA(refused) * file, int how)
{
	return puppet_sys(file->p, SYS_flock, file->fd, how, 0, 0);
}

/* However often it refuses, a task has one credit, which its next request takes. */
TEST_F(module, task_goes_on)
{
	FIXTURE_DATA(refused) *file = &self->file;
	int i;

	set_bounds(file->slot, numflock, 1, 1);
	*self->refuse = 1;
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-EPERM, flock_of(file, LOCK_EX));
	EXPECT_GE(1, held(file->slot, numflock));
	*self->refuse = 0;
	EXPECT_EQ(0, flock_of(file, LOCK_EX));
	EXPECT_HELD(1, file->slot, numflock);
	EXPECT_EQ(0, flock_of(file, LOCK_UN));
	EXPECT_HELD(0, file->slot, numflock);
	EXPECT_EQ(0, failcnt(file->slot, numflock));
}

/* An unlock gives it back, and the end of the task does. */
TEST_F(module, given_back)
{
	FIXTURE_DATA(refused) *file = &self->file;

	*self->refuse = 1;
	EXPECT_EQ(-EPERM, flock_of(file, LOCK_EX));
	*self->refuse = 0;
	EXPECT_EQ(0, flock_of(file, LOCK_UN));
	EXPECT_HELD(0, file->slot, numflock);

	*self->refuse = 1;
	EXPECT_EQ(-EPERM, flock_of(file, LOCK_EX));
	*self->refuse = 0;
	puppet_end(file->p);
	EXPECT_HELD(0, file->slot, numflock);
}

RESCORE_TEST_MAIN(NULL)
