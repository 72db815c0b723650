// SPDX-License-Identifier: GPL-2.0
/* shmpages: every kind of memory that is a file, from its birth to its end. */
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/statfs.h>

#include "tenant.h"
#include "uffd.h"

#define TMPFS "/tmp/kt-shm"

static int shmpages;

FIXTURE(shm)
{
	int a, b;
	struct puppet *p;
};

FIXTURE_SETUP(shm)
{
	world_begin(_metadata);
	find_memory_rows();
	shmpages = rescore_find_resource(rs, "shmpages");
	self->a = make("kt-shm-a");
	self->b = make("kt-shm-b");
	ASSERT_LT(0, self->a);
	ASSERT_LT(0, self->b);
	mkdir(TMPFS, 0755);
	ASSERT_EQ(0, mount("none", TMPFS, "tmpfs", 0, "size=1m"));
	self->p = puppet_in(self->a);
}

FIXTURE_TEARDOWN(shm)
{
	end_puppets();
	EXPECT_EQ(0, umount2(TMPFS, MNT_DETACH));
	world_end(_metadata);
}

static bool is_address(long ret)
{
	return ret > 0 || ret < -4095;
}

static bool is_attached(const char *name)
{
	const struct rescore_hook *hook;
	unsigned int i;

	for (i = 0; (hook = rescore_hook(rs, i)); i++)
		if (!strcmp(hook->name, name))
			return hook->state == RESCORE_ON;
	return false;
}

/* --- what a puppet does ------------------------------------------------------------ */

static long memfd(long pages, long b, long c)
{
	int fd = memfd_create("kt", 0);

	if (fd >= 0 && ftruncate(fd, pages * PAGE))
		return -errno;
	return result(fd);
}

static long fill(long fd, long from, long pages)
{
	static char page[PAGE];
	long i;

	for (i = 0; i < pages; i++)
		if (pwrite(fd, page, PAGE, (from + i) * PAGE) != PAGE)
			return -errno;
	return 0;
}

static long punch(long fd, long from, long pages)
{
	return result(fallocate(fd, 3 /* keep size, punch hole */, from * PAGE,
				pages * PAGE));
}

static long cut(long fd, long pages, long c)
{
	return result(ftruncate(fd, pages * PAGE));
}

static long touch(long address, long pages, long c)
{
	long i;

	for (i = 0; i < pages; i++)
		((volatile char *)address)[i * PAGE] = 1;
	return 0;
}

static long map_fd(long fd, long pages, long flags)
{
	return result((long)mmap(NULL, pages * PAGE, RW, flags, fd, 0));
}

static long segment(long pages, long flags, long c)
{
	return result(
		shmget(IPC_PRIVATE, pages * PAGE, IPC_CREAT | 0600 | flags));
}

static long attach(long id, long b, long c)
{
	return result((long)shmat(id, NULL, 0));
}

static long detach(long address, long b, long c)
{
	return result(shmdt((void *)address));
}

static long drop(long id, long b, long c)
{
	return result(shmctl(id, IPC_RMID, NULL));
}

/* --- segments ------------------------------------------------------------------------ */

/* System V: whole, until it is removed and nobody has it, whoever is gone. */
TEST_F(shm, sysv)
{
	struct puppet *other = puppet_in(self->b);
	long id, address;

	set_bounds(self->a, shmpages, PRIME, PRIME);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, segment, PRIME + 1, 0, 0));
	EXPECT_EQ(0, held(self->a, shmpages));
	EXPECT_EQ(1, failcnt(self->a, shmpages));
	id = puppet_do(self->p, segment, PRIME, 0, 0);
	ASSERT_LE(0, id);
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, segment, 1, 0, 0));
	EXPECT_EQ(2, failcnt(self->a, shmpages));
	/* used by another container, which pays nothing */
	address = puppet_do(other, attach, id, 0, 0);
	ASSERT_TRUE(is_address(address));
	EXPECT_EQ(0, puppet_do(other, touch, address, PRIME, 0));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(0, held(self->b, shmpages));
	puppet_end(self->p);
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(other, drop, id, 0, 0));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(0, puppet_do(other, detach, address, 0, 0));
	EXPECT_HELD(0, self->a, shmpages);
}

/* Not reserved: page by page, and a fault that is refused is a SIGBUS. */
TEST_F(shm, sysv_noreserve)
{
	long id = puppet_do(self->p, segment, 101, SHM_NORESERVE, 0), address;

	ASSERT_LE(0, id);
	EXPECT_EQ(0, held(self->a, shmpages));
	address = puppet_do(self->p, attach, id, 0, 0);
	ASSERT_TRUE(is_address(address));
	EXPECT_EQ(0, puppet_do(self->p, drop, id, 0, 0));
	set_bounds(self->a, shmpages, PRIME, PRIME);
	EXPECT_EQ(0, puppet_do(self->p, touch, address, PRIME, 0));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(-ENOTCONN, puppet_do(self->p, touch, address, PRIME + 1, 0));
	EXPECT_LE(1, failcnt(self->a, shmpages));
	EXPECT_EQ(PRIME, row(self->a, shmpages).maxheld);
	EXPECT_HELD(0, self->a, shmpages);
}

TEST_F(shm, anonymous)
{
	long address, pid;

	set_bounds(self->a, shmpages, PRIME, PRIME);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, PRIME + 1, RW,
				     MAP_SHARED | MAP_ANONYMOUS));
	address = puppet_do(self->p, map, PRIME, RW,
			    MAP_SHARED | MAP_ANONYMOUS);
	ASSERT_TRUE(is_address(address));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(0, puppet_do(self->p, touch, address, PRIME, 0));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	/* a child keeps it */
	pid = puppet_do(self->p, fork_idle, 0, 0, 0);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, puppet_do(self->p, unmap, address, PRIME, 0));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	puppet_do(self->p, kill_and_reap, pid, 0, 0);
	EXPECT_HELD(0, self->a, shmpages);
	EXPECT_EQ(1, failcnt(self->a, shmpages));
	/* private memory is none of this, and not refused for it */
	set_bounds(self->a, shmpages, 0, 0);
	EXPECT_TRUE(is_address(puppet_do(self->p, map, PRIME, RW, PRIVATE)));
	EXPECT_EQ(1, failcnt(self->a, shmpages));
}

/* --- files --------------------------------------------------------------------------- */

TEST_F(shm, memfd)
{
	struct puppet *other = puppet_in(self->b);
	long fd = puppet_do(self->p, memfd, 101, 0, 0), taken;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, held(self->a, shmpages));
	set_bounds(self->a, shmpages, PRIME, PRIME);
	EXPECT_EQ(0, puppet_do(self->p, fill, fd, 3, PRIME - 4));
	EXPECT_EQ(PRIME - 4, held(self->a, shmpages));
	/* again in the same place */
	EXPECT_EQ(0, puppet_do(self->p, fill, fd, 3, PRIME - 4));
	EXPECT_EQ(PRIME - 4, held(self->a, shmpages));
	/* whoever fills it: its maker pays, and the filler is refused */
	EXPECT_EQ(0, puppet_do(self->p, pass_fd, fd, 0, 0));
	taken = puppet_do(other, take_fd, 0, 0, 0);
	ASSERT_LE(0, taken);
	EXPECT_EQ(-ENOSPC, puppet_do(other, fill, taken, 50, 5));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(0, held(self->b, shmpages));
	/* (the kernel may ask twice) */
	EXPECT_LE(1, failcnt(self->a, shmpages));
	EXPECT_EQ(0, failcnt(self->b, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(other, punch, taken, 50, 4));
	EXPECT_EQ(PRIME - 4, held(self->a, shmpages));
	EXPECT_EQ(-ENOSPC,
		  puppet_sys(self->p, SYS_fallocate, fd, 0, 0, 101 * PAGE));
	EXPECT_EQ(PRIME - 4, held(self->a, shmpages));
	EXPECT_EQ(0, puppet_do(self->p, cut, fd, 5, 0));
	EXPECT_EQ(2, held(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	puppet_end(self->p);
	EXPECT_EQ(2, held(self->a, shmpages));
	EXPECT_EQ(0, puppet_close(other, taken));
	EXPECT_HELD(0, self->a, shmpages);
}

/* Pages of a private mapping of it that are copies are not it. */
TEST_F(shm, memfd_mapped)
{
	long fd = puppet_do(self->p, memfd, 101, 0, 0), address;

	ASSERT_LE(0, fd);
	address = puppet_do(self->p, map_fd, fd, PRIME, MAP_SHARED);
	ASSERT_TRUE(is_address(address));
	EXPECT_EQ(0, puppet_do(self->p, touch, address, PRIME, 0));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(0, puppet_close(self->p, fd));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(0, puppet_sys(self->p, SYS_madvise, address, 5 * PAGE,
				MADV_REMOVE, 0));
	EXPECT_EQ(PRIME - 5, held(self->a, shmpages));
	EXPECT_EQ(0, puppet_do(self->p, unmap, address, PRIME, 0));
	EXPECT_HELD(0, self->a, shmpages);
}

TEST_F(shm, tmpfs)
{
	struct puppet *other = puppet_in(self->b);
	long fd, same;

	fd = puppet_open(self->p, TMPFS "/file", O_RDWR | O_CREAT);
	ASSERT_LE(0, fd);
	set_bounds(self->a, shmpages, PRIME, PRIME);
	EXPECT_EQ(-ENOSPC, puppet_do(self->p, fill, fd, 0, PRIME + 1));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_LE(1, failcnt(self->a, shmpages));
	/* it stays when all that made it is gone */
	puppet_end(self->p);
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	same = puppet_open(other, TMPFS "/file", O_RDWR);
	ASSERT_LE(0, same);
	EXPECT_EQ(0, unlink(TMPFS "/file"));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(0, puppet_do(other, cut, same, 7, 0));
	EXPECT_EQ(7, held(self->a, shmpages));
	EXPECT_EQ(0, puppet_close(other, same));
	EXPECT_HELD(0, self->a, shmpages);
	EXPECT_EQ(0, held(self->b, shmpages));
}

/* A tmpfs that is full: what the kernel refuses after us is not held. */
TEST_F(shm, tmpfs_full)
{
	long fd = puppet_open(self->p, TMPFS "/full", O_RDWR | O_CREAT);
	struct statfs fs;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, statfs(TMPFS, &fs));
	EXPECT_EQ(-ENOSPC, puppet_do(self->p, fill, fd, 0, 1000));
	EXPECT_EQ((int64_t)fs.f_blocks, held(self->a, shmpages));
	EXPECT_EQ(0, failcnt(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(self->p, cut, fd, 0, 0));
	EXPECT_EQ(0, held(self->a, shmpages));
	EXPECT_EQ(0, unlink(TMPFS "/full"));
}

/* What the host has reserved whole is its own, whoever touches it first. */
TEST_F(shm, reserved_by_the_host)
{
	char *at = mmap(NULL, PRIME * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1,
			0);
	struct puppet *p;

	ASSERT_NE(MAP_FAILED, at);
	p = puppet_in(self->a);
	EXPECT_EQ(0, puppet_do(p, touch, at, PRIME, 0));
	EXPECT_EQ(0, held(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	munmap(at, PRIME * PAGE);
}

/* What was there before anybody paid is nobody's; what is added is not. */
TEST_F(shm, of_the_host)
{
	struct puppet *host = puppet_in(0);
	long fd;

	fd = puppet_open(host, TMPFS "/host", O_RDWR | O_CREAT);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, puppet_do(host, fill, fd, 0, 5));
	fd = puppet_open(self->p, TMPFS "/host", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, puppet_do(self->p, fill, fd, 0, 5));
	EXPECT_EQ(0, held(self->a, shmpages));
	set_bounds(self->a, shmpages, PRIME, PRIME);
	EXPECT_EQ(0, puppet_do(self->p, fill, fd, 0, 5 + PRIME));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(-ENOSPC, puppet_do(self->p, fill, fd, 5 + PRIME, 1));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(self->p, punch, fd, 0, 7));
	EXPECT_EQ(PRIME - 7, held(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(self->p, cut, fd, 0, 0));
	EXPECT_EQ(0, held(self->a, shmpages));
	EXPECT_EQ(0, unlink(TMPFS "/host"));
}

/* --- ways around the question ------------------------------------------------------ */

static long fill_file_by_uffd(long fd, long from, long pages)
{
	void *at = mmap(NULL, pages * PAGE, RW, MAP_SHARED, fd, from * PAGE);
	long ret;

	if (at == MAP_FAILED)
		return -errno;
	ret = fill_by_uffd((long)at, pages, 0);
	munmap(at, pages * PAGE);
	return ret;
}

/* Before 6.6 the kernel does not ask about these: who passes the bound is killed. */
static void by_uffd(struct __test_metadata *_metadata, FIXTURE_DATA(shm) * self,
		    long fd)
{
	long ret;

	ASSERT_LE(0, fd);
	set_bounds(self->a, shmpages, PRIME, PRIME);
	EXPECT_EQ(0, puppet_do(self->p, cut, fd, 101, 0));
	ret = puppet_do(self->p, fill_file_by_uffd, fd, 0, PRIME - 1);
	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no userfaultfd: %s", strerror(-ret));
	EXPECT_EQ(0, ret);
	EXPECT_EQ(PRIME - 1, held(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, failcnt(self->a, shmpages));
	ret = puppet_do(self->p, fill_file_by_uffd, fd, PRIME - 1, 7);
	if (is_attached("shmpages__copied__opt")) {
		EXPECT_EQ(-ENOTCONN, ret);
	} else {
		EXPECT_GT(0, ret);
		EXPECT_GE(PRIME, held(self->a, shmpages));
	}
	EXPECT_LE(1, failcnt(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
}

TEST_F(shm, userfaultfd_memfd)
{
	by_uffd(_metadata, self, puppet_do(self->p, memfd, 101, 0, 0));
}

TEST_F(shm, userfaultfd_tmpfs)
{
	by_uffd(_metadata, self,
		puppet_open(self->p, TMPFS "/uffd", O_RDWR | O_CREAT));
	EXPECT_EQ(0, unlink(TMPFS "/uffd"));
}

/* The file behind a shared mapping, which /proc opens for who may. */
static long open_map(long address, long pages, long c)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", address,
		 address + pages * PAGE);
	return result(open(path, O_RDWR));
}

/* What was reserved whole is not free when it grows: its pages are one by one. */
TEST_F(shm, reserved_grown)
{
	long address, fd;

	address = puppet_do(self->p, map, 7, RW, MAP_SHARED | MAP_ANONYMOUS);
	ASSERT_TRUE(is_address(address));
	fd = puppet_do(self->p, open_map, address, 7, 0);
	if (fd < 0)
		SKIP(return, "no map_files: %s", strerror(-fd));
	EXPECT_EQ(7, held(self->a, shmpages));
	set_bounds(self->a, shmpages, PRIME, PRIME);
	EXPECT_EQ(0, puppet_do(self->p, cut, fd, 101, 0));
	EXPECT_EQ(0, puppet_do(self->p, fill, fd, 0, PRIME));
	EXPECT_EQ(PRIME, held(self->a, shmpages));
	EXPECT_EQ(0, failcnt(self->a, shmpages));
	EXPECT_CLEAN_AUDIT(0);
	/* there is no refusal here: it is killed */
	EXPECT_EQ(-ENOTCONN, puppet_do(self->p, fill, fd, PRIME, 50));
	EXPECT_EQ(1, failcnt(self->a, shmpages));
	EXPECT_EQ(PRIME + 1, row(self->a, shmpages).maxheld);
	EXPECT_HELD(0, self->a, shmpages);
}

/* --- many at once ---------------------------------------------------------------------- */

static void *fill_in_thread(void *arg)
{
	static char page[PAGE];
	int fd = (long)arg, i, n = 0;

	for (i = 0; i < 300; i++) {
		if (pwrite(fd, page, PAGE, (rand() % 64) * PAGE) != PAGE)
			n++;
		if (!(i % 16))
			punch(fd, rand() % 60, 4);
	}
	return (void *)(long)n;
}

/* Returns how many writes were refused. */
static long fill_in_threads(long n, long shared, long c)
{
	pthread_t thread[8];
	long i, refused = 0;
	void *ret;

	for (i = 0; i < n; i++)
		pthread_create(&thread[i], NULL, fill_in_thread,
			       (void *)(shared ?: memfd(64, 0, 0)));
	for (i = 0; i < n; i++) {
		pthread_join(thread[i], &ret);
		refused += (long)ret;
	}
	return refused;
}

/* Into one file and into many: the bound holds, and nothing is lost. */
TEST_F(shm, race)
{
	struct puppet *other = puppet_in(self->a);
	long fd = puppet_do(self->p, memfd, 64, 0, 0);

	ASSERT_LE(0, fd);
	set_bounds(self->a, shmpages, 101, 101);
	puppet_send_call(self->p, fill_in_threads, 4, fd, 0);
	puppet_send_call(other, fill_in_threads, 4, 0, 0);
	puppet_answer(self->p);
	EXPECT_LT(0, puppet_answer(other));
	/* on kernels before 6.6 a page on its way on each CPU may be above it,
	 * and a preemptible one skips the program that refuses
	 */
	if (!preemptible())
		EXPECT_GE(101 + (is_attached("shmpages__ask__blocks") ? 0 : 4),
			  row(self->a, shmpages).maxheld);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(self->p, close_from, PUPPET_FD, 0, 0));
	EXPECT_EQ(0, puppet_do(other, close_from, PUPPET_FD, 0, 0));
	EXPECT_HELD(0, self->a, shmpages);
}

RESCORE_TEST_MAIN(NULL)
