// SPDX-License-Identifier: GPL-2.0
/*
 * swappages against memory.swap.current, with swap that is there: compressed
 * memory (zram), since the VM has no disk.
 */
#include <sys/swap.h>

#include "delegated.h"

#define DEVICE	"/dev/zram0"
#define SYS_FS	"/sys/block/zram0/"
#define SWAP_MB	"64"

FIXTURE(swap)
{
	int phys, swap;
	const char *lacks;	/* why there is no swap */
};

/* The header of a swap area, as mkswap writes it. */
static const char *make_swap(void)
{
	static union {
		struct {
			char boot[1024];
			uint32_t version, last, bad;
		};
		char page[4096];
	} header = { .version = 1 };
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	bool whole;

	header.last = atoi(SWAP_MB) * 256 - 1;
	memcpy(header.page + 4096 - 10, "SWAPSPACE2", 10);
	whole = fd >= 0 && write(fd, &header, 4096) == 4096 && !fsync(fd);
	if (fd >= 0)
		close(fd);
	return whole && !swapon(DEVICE, 0) ? NULL : "no swap on " DEVICE;
}

static const char *begin_swap(void)
{
	if (system("modprobe zram num_devices=1 2>/dev/null"))
		return "no zram in this kernel";
	if (write_file(SYS_FS "disksize", SWAP_MB "M"))
		return "zram takes no size";
	return make_swap();
}

FIXTURE_SETUP(swap)
{
	world_begin(_metadata);
	self->phys = id_of("physpages");
	self->swap = id_of("swappages");
	self->lacks = begin_swap();
}

FIXTURE_TEARDOWN(swap)
{
	end_puppets();
	world_end(_metadata);
	swapoff(DEVICE);
	write_file(SYS_FS "reset", "1");
}

#define NEED_SWAP() do {				\
	if (self->lacks)				\
		SKIP(return, "%s", self->lacks);	\
} while (0)

/* Pages, as the kernel shows them. */
static int64_t swapped(int slot)
{
	return number_of(slot, "memory.swap.current", NULL) / PAGE;
}

/* What does not fit into RAM is swapped out, counted, and comes back. */
TEST_F(swap, counted)
{
	int a = make("kt-a");
	struct puppet *p;
	int64_t before, held;

	NEED_SWAP();
	ASSERT_LT(0, a);
	SET(a, self->phys, "0:8M");
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, take_memory, 4001, 0, 0));
	/* as it stands still: what was too much is swapped out after the answer */
	EXPECT_TRUE(eventually(({
		before = swapped(a);
		held = reading(a, self->swap).held;
		before == swapped(a);
	})));
	EXPECT_LE(1500, before);
	EXPECT_EQ(before, held);
	EXPECT_LE(before, row(a, self->swap).maxheld);
	EXPECT_GE(2048, row(a, self->phys).held);
	EXPECT_EQ(0, row(a, self->swap).failcnt);
	EXPECT_EQ(0, row(a, id_of("oomguarpages")).failcnt);
	/* anonymous memory, wherever it is */
	EXPECT_LE(4001 - 64, row(a, id_of("oomguarpages")).held);
	puppet_end(p);
	/* (a CPU keeps some 64 that it may use again) */
	EXPECT_TRUE(within(LATE_MS, reading(a, self->swap).held <= 128))
	TH_LOG("%ld pages are still swapped", (long)row(a, self->swap).held);
	EXPECT_LE(before, row(a, self->swap).maxheld);
}

/* As much of it as there may be; what needs more is killed, and nobody else. */
TEST_F(swap, limit)
{
	int a = make("kt-a"), b = make("kt-b");
	struct puppet *p, *neighbour;
	struct rescore_line line;
	long status;

	NEED_SWAP();
	ASSERT_LT(0, a);
	ASSERT_LT(0, b);
	SET(a, self->phys, "0:8M");
	SET(a, self->swap, "2M");
	p = puppet_in(a);
	neighbour = puppet_in(b);
	EXPECT_EQ(0, puppet_do(neighbour, take_memory, 1009, 0, 0));
	EXPECT_EQ(0, puppet_do(p, take_in_child, 2003, 0, 0));
	status = puppet_do(p, take_in_child, 4001, 0, 0);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	line = reading(a, self->swap);
	EXPECT_GE(512, line.held);
	EXPECT_GE(512, line.maxheld);
	EXPECT_LE(400, line.maxheld);
	/* it may see that there is no more, and not try */
	EXPECT_EQ(number_of(a, "memory.swap.events", "max"), line.failcnt);
	EXPECT_EQ(1, row(a, id_of("oomguarpages")).failcnt);
	EXPECT_EQ(0, row(b, id_of("oomguarpages")).failcnt);
	EXPECT_EQ(0, reading(b, self->swap).held);
	/* none at all */
	SET(a, self->swap, "0");
	status = puppet_do(p, take_in_child, 2503, 0, 0);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(2, reading(a, id_of("oomguarpages")).failcnt);
}

/* Shared memory that is swapped out is charged as before. */
static long take_shared(long pages, long b, long c)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("kt", 0);
	long i;

	if (at == MAP_FAILED || fd < 0 || ftruncate(fd, pages * PAGE))
		return -errno;
	for (i = 0; i < pages; i++)
		at[i * PAGE] = 1;
	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  0);
	for (i = 0; at != MAP_FAILED && i < pages; i++)
		at[i * PAGE] = 1;
	return 0;
}

TEST_F(swap, shared)
{
	int a = make("kt-a"), shmpages = id_of("shmpages");
	struct puppet *p;

	NEED_SWAP();
	ASSERT_LT(0, a);
	SET(a, self->phys, "0:8M");
	p = puppet_in(a);
	EXPECT_EQ(0, puppet_do(p, take_shared, 2003, 0, 0));
	EXPECT_LE(1500, reading(a, self->swap).held);
	EXPECT_EQ(2 * 2003, held(a, shmpages));
	EXPECT_CLEAN_AUDIT(a);
	puppet_end(p);
	EXPECT_HELD(0, a, shmpages);
}

RESCORE_TEST_MAIN(NULL)
