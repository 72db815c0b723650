// SPDX-License-Identifier: GPL-2.0
/*
 * numflock: locks that another security module refuses, after they were charged.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/filter.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "puppet.h"

#define LOCKED "/tmp/kt-module"

FIXTURE(module)
{
	int slot;
	struct puppet *p;
	int fd;
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

/* An upgrade attaches rescore's programs anew, so that they come first. */
FIXTURE_SETUP(module)
{
	self->link = attach_module(&self->refuse);
	ASSERT_LE(0, self->link);
	ASSERT_EQ(0, rescore_upgrade(NULL));
	world_begin(_metadata);
	self->slot = make("kt-module");
	ASSERT_LT(0, self->slot);
	self->p = puppet_in(self->slot);
	self->fd = puppet_open(self->p, LOCKED, O_RDWR | O_CREAT);
	ASSERT_EQ(PUPPET_FD, self->fd);
}

FIXTURE_TEARDOWN(module)
{
	*self->refuse = 0;
	close(self->link);
	end_puppets();
	world_end(_metadata);
	unlink(LOCKED);
}

static long flock_of(FIXTURE_DATA(module) * self, int how)
{
	return puppet_sys(self->p, SYS_flock, self->fd, how, 0, 0);
}

/* However often it refuses, a task has one credit, which its next request takes. */
TEST_F(module, task_goes_on)
{
	int i;

	set_bounds(self->slot, numflock, 1, 1);
	*self->refuse = 1;
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-EPERM, flock_of(self, LOCK_EX));
	EXPECT_EQ(1, held(self->slot, numflock));
	*self->refuse = 0;
	EXPECT_EQ(0, flock_of(self, LOCK_EX));
	EXPECT_HELD(1, self->slot, numflock);
	EXPECT_EQ(0, flock_of(self, LOCK_UN));
	EXPECT_HELD(0, self->slot, numflock);
	EXPECT_EQ(0, failcnt(self->slot, numflock));
}

/* An unlock gives it back, and the end of the task does. */
TEST_F(module, given_back)
{
	*self->refuse = 1;
	EXPECT_EQ(-EPERM, flock_of(self, LOCK_EX));
	*self->refuse = 0;
	EXPECT_EQ(0, flock_of(self, LOCK_UN));
	EXPECT_HELD(0, self->slot, numflock);

	*self->refuse = 1;
	EXPECT_EQ(-EPERM, flock_of(self, LOCK_EX));
	*self->refuse = 0;
	puppet_end(self->p);
	EXPECT_HELD(0, self->slot, numflock);
}

static const struct rescore_load_opts load_opts = { .only = "files,locks" };

RESCORE_TEST_MAIN(&load_opts)
