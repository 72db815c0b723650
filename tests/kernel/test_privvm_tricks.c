// SPDX-License-Identifier: GPL-2.0
/*
 * privvmpages: the ways around the kernel's own question that a tenant may try, and
 * what others do to its memory.
 */
#include <sys/uio.h>

#include "privvm.h"
#include "uffd.h"
#include "uring.h"

/* --- system calls of 32 bits ------------------------------------------------------ */

/* A system call of the 32-bit table, which any program may make. */
static long call32(long nr, long a, long b, long c, long d)
{
	long ret;

	asm volatile("push %%rbp\n\t"
		     "xor %%ebp, %%ebp\n\t"
		     "int $0x80\n\t"
		     "pop %%rbp"
		     : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(-1L)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret < 0 && (int)ret > -4096 ? (int)ret :
						  (long)(uint32_t)ret;
}

static long map32(long pages, long flags, long old)
{
	static uint32_t *args;

	if (!old)
		return call32(192, 0, pages * PAGE, RW, flags);
	if (!args)
		args = mmap(NULL, PAGE, RW, PRIVATE | MAP_32BIT, -1, 0);
	args[0] = 0;
	args[1] = pages * PAGE;
	args[2] = RW;
	args[3] = flags;
	args[4] = -1;
	args[5] = 0;
	return call32(90, (long)args, 0, 0, 0);
}

static long unmap32(long address, long pages, long c)
{
	return call32(91, address, pages * PAGE, 0, 0);
}

static long protect32(long address, long pages, long prot)
{
	return call32(125, address, pages * PAGE, prot, 0);
}

static long resize32(long address, long from, long to)
{
	return call32(163, address, from * PAGE, to * PAGE, MREMAP_MAYMOVE);
}

/* With the numbers and registers of 32 bits it is all the same. */
TEST_F(privvm, compat)
{
	static const long flags[] = { PRIVATE, PRIVATE | MAP_NORESERVE };
	int64_t before;
	long address;
	int i, old;

	if (puppet_do(self->p, map32, 1, PRIVATE, 1) < 0 ||
	    puppet_do(self->p, map32, 1, PRIVATE, 0) < 0)
		SKIP(return, "the kernel has no 32-bit system calls");
	before = held(self->a, privvmpages);
	EXPECT_EXACT(self->a);
	for (i = 0; i < 4; i++) {
		old = i & 1;
		leave_room(self->a, PRIME);
		EXPECT_EQ(-ENOMEM, puppet_do(self->p, map32, PRIME + 1,
					     flags[i / 2], old));
		address = puppet_do(self->p, map32, PRIME, flags[i / 2], old);
		ASSERT_LT(0, address);
		EXPECT_EQ(before + PRIME, held(self->a, privvmpages));
		EXPECT_EQ(-ENOMEM, puppet_do(self->p, resize32, address, PRIME,
					     PRIME + 1));
		EXPECT_EQ(0, puppet_do(self->p, protect32, address, PRIME,
				       PROT_NONE));
		EXPECT_EQ(before, held(self->a, privvmpages));
		leave_room(self->a, PRIME - 1);
		EXPECT_EQ(-ENOMEM,
			  puppet_do(self->p, protect32, address, PRIME, RW));
		EXPECT_EXACT(self->a);
		EXPECT_EQ(0, puppet_do(self->p, unmap32, address, PRIME, 0));
		EXPECT_EQ(before, held(self->a, privvmpages));
	}
}

/*
 * The old mmap of 32 bits takes its arguments from memory. A thread that exchanges
 * them while the kernel looks gets more than it may; and then it is dead.
 */
static uint32_t *raced;
static bool race_over;

static void *exchange(void *arg)
{
	while (!__atomic_load_n(&race_over, __ATOMIC_RELAXED)) {
		__atomic_store_n(&raced[2], PROT_NONE, __ATOMIC_RELAXED);
		__atomic_store_n(&raced[2], RW, __ATOMIC_RELAXED);
	}
	return NULL;
}

static long race_begin(long a, long b, long c)
{
	static pthread_t thread;

	raced = mmap(NULL, PAGE, RW, PRIVATE | MAP_32BIT, -1, 0);
	raced[1] = PRIME * PAGE;
	raced[2] = PROT_NONE;
	raced[3] = PRIVATE | MAP_NORESERVE;
	raced[4] = -1;
	return -pthread_create(&thread, NULL, exchange, NULL);
}

/* How often it got something, of @n times. */
static long race_try(long n, long b, long c)
{
	long got = 0;

	while (n--)
		got += call32(90, (long)raced, 0, 0, 0) > 0;
	__atomic_store_n(&race_over, true, __ATOMIC_RELAXED);
	return got;
}

TEST_F(privvm, compat_race)
{
	int64_t before;
	long got;

	if (puppet_do(self->p, map32, 1, PRIVATE, 1) < 0)
		SKIP(return, "the kernel has no 32-bit system calls");
	ASSERT_EQ(0, puppet_do(self->p, race_begin, 0, 0, 0));
	before = held(self->a, privvmpages);
	leave_room(self->a, 0);
	got = puppet_do(self->p, race_try, 20000, 0, 0);
	if (got == -ENOTCONN) {
		TH_LOG("it won, once");
		EXPECT_LT(0, failcnt(self->a, privvmpages));
		EXPECT_HELD(0, self->a, privvmpages);
	} else {
		EXPECT_EQ(before, held(self->a, privvmpages));
		EXPECT_EXACT(self->a);
	}
}

/*
 * The old mmap of 32 bits reads its arguments from memory, which may be the stack,
 * below its end: that grows then, in the middle of an mmap.
 */
static long grow_in_mmap(long pages, long b, long c)
{
	char *gap = mmap(NULL, (pages + 600) * PAGE, PROT_NONE,
			 PRIVATE | MAP_32BIT, -1, 0);
	char *at;

	if (gap == MAP_FAILED)
		return -errno;
	at = gap + (pages + 599) * PAGE;
	munmap(gap, (pages + 600) * PAGE);
	at = mmap(at, PAGE, RW, PRIVATE | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	return (long)at;
}

static long mmap_from(long args, long b, long c)
{
	return call32(90, args, 0, 0, 0);
}

TEST_F(privvm, stack_in_old_mmap)
{
	int64_t before;
	long at;

	if (puppet_do(self->p, map32, 1, PRIVATE, 1) < 0)
		SKIP(return, "the kernel has no 32-bit system calls");
	at = puppet_do(self->p, grow_in_mmap, PRIME, 0, 0);
	ASSERT_TRUE(is_address(at));
	before = held(self->a, privvmpages);
	leave_room(self->a, PRIME - 1);
	EXPECT_EQ(-EFAULT,
		  puppet_do(self->p, mmap_from, at - PRIME * PAGE, 0, 0));
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	EXPECT_EQ(before, row(self->a, privvmpages).maxheld);
	EXPECT_LE(1, failcnt(self->a, privvmpages));
}

/* --- other ways ------------------------------------------------------------------- */

/* The rest of the ways around the kernel's own question. */
static long more(long address, long from, long to)
{
	return resize(address, from, to);
}

TEST_F(privvm, dodges)
{
	int64_t before;
	long none, zero;

	none = puppet_do(self->p, map, 3, RW, PRIVATE | MAP_NORESERVE);
	ASSERT_TRUE(is_address(none));
	zero = puppet_open(self->p, "/dev/zero", O_RDWR);
	ASSERT_LE(0, zero);
	before = held(self->a, privvmpages);
	leave_room(self->a, 0);
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, more, none, 3, PRIME));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, PRIME, PROT_NONE,
				     PRIVATE | MAP_GROWSDOWN));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, PRIME, RW,
				     PRIVATE | MAP_STACK | MAP_NORESERVE));
	EXPECT_EQ(-ENOMEM, result((long)puppet_sys(self->p, SYS_mremap, none,
						   3 * PAGE, 3 * PAGE, 5)));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, fork_idle, 0, 0, 0));
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	/* and with every setting of vm.overcommit_memory */
	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_memory", "1"));
	EXPECT_EQ(-ENOMEM, puppet_do(self->p, map, 1, RW, PRIVATE));
	EXPECT_EQ(-ENOMEM,
		  puppet_do(self->p, map, 1, RW, PRIVATE | MAP_NORESERVE));
	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_memory", "2"));
	EXPECT_EQ(-ENOMEM,
		  puppet_do(self->p, map, 1, RW, PRIVATE | MAP_NORESERVE));
	leave_room(self->a, 1);
	EXPECT_TRUE(is_address(
		puppet_do(self->p, map, 1, RW, PRIVATE | MAP_NORESERVE)));
	ASSERT_EQ(0, write_file("/proc/sys/vm/overcommit_memory", "0"));
	EXPECT_EXACT(self->a);
}

/* Huge pages from the pool: the kernel does not ask about them. */
TEST_F(privvm, hugetlb)
{
	int64_t before = held(self->a, privvmpages);
	long address;

	write_file("/proc/sys/vm/nr_hugepages", "8");
	address = puppet_do(self->p, map, 3 * 512, RW, PRIVATE | MAP_HUGETLB);
	if (!is_address(address)) {
		write_file("/proc/sys/vm/nr_hugepages", "0");
		SKIP(return, "no huge pages");
	}
	EXPECT_EQ(before + 3 * 512, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	leave_room(self->a, 511);
	/* one page asks for 512 */
	EXPECT_EQ(-ENOMEM,
		  puppet_do(self->p, map, 1, RW, PRIVATE | MAP_HUGETLB));
	leave_room(self->a, 512);
	EXPECT_TRUE(is_address(
		puppet_do(self->p, map, 1, RW, PRIVATE | MAP_HUGETLB)));
	EXPECT_EXACT(self->a);
	EXPECT_EQ(0, puppet_do(self->p, unmap, address, 3 * 512, 0));
	EXPECT_EQ(before + 512, held(self->a, privvmpages));
	write_file("/proc/sys/vm/nr_hugepages", "0");
}

/* --- what others do to an address space ------------------------------------------- */

/* Pages that are put there by userfaultfd were counted when they were mapped. */
TEST_F(privvm, userfaultfd)
{
	long address = puppet_do(self->p, map, PRIME, RW, PRIVATE), ret;
	int64_t before = held(self->a, privvmpages);

	ASSERT_TRUE(is_address(address));
	leave_room(self->a, 0);
	ret = puppet_do(self->p, fill_by_uffd, address, PRIME, 0);
	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "no userfaultfd: %s", strerror(-ret));
	EXPECT_EQ(0, ret);
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	EXPECT_EQ(0, failcnt(self->a, privvmpages));
	EXPECT_EQ(0, puppet_do(self->p, unmap, address, PRIME, 0));
	EXPECT_EQ(before - PRIME, held(self->a, privvmpages));
}

/* A process writes into another's memory: the pages are those of the other. */
static long write_to(long pid, long address, long pages)
{
	static char zero[PRIME * 4096];
	struct iovec from = { zero, pages * PAGE };
	struct iovec to = { (void *)address, pages * PAGE };

	return result(process_vm_writev(pid, &from, 1, &to, 1, 0));
}

static long read_from(long pid, long address, long pages)
{
	static char buffer[PRIME * 4096];
	struct iovec to = { buffer, pages * PAGE };
	struct iovec from = { (void *)address, pages * PAGE };

	return result(process_vm_readv(pid, &to, 1, &from, 1, 0));
}

TEST_F(privvm, process_vm)
{
	struct puppet *q = tenant_in(self->b);
	long address = puppet_do(self->p, map, PRIME, RW, PRIVATE), ret;
	int64_t a = held(self->a, privvmpages), b;

	ASSERT_TRUE(is_address(address));
	b = held(self->b, privvmpages);
	leave_room(self->a, 0);
	leave_room(self->b, 0);
	ret = puppet_do(q, write_to, self->p->pid, address, PRIME);
	if (ret == -ENOSYS)
		SKIP(return, "no process_vm_writev");
	EXPECT_EQ(PRIME * PAGE, ret);
	EXPECT_EQ(PRIME * PAGE,
		  puppet_do(q, read_from, self->p->pid, address, PRIME));
	EXPECT_EQ(a, held(self->a, privvmpages));
	EXPECT_EQ(b, held(self->b, privvmpages));
	EXPECT_EXACT(self->a);
	EXPECT_EXACT(self->b);
	/* nor does it make anything writable that is not */
	EXPECT_EQ(0, puppet_do(self->p, protect, address, PRIME, PROT_NONE));
	EXPECT_EQ(-EFAULT,
		  puppet_do(q, write_to, self->p->pid, address, PRIME));
	EXPECT_EQ(a - PRIME, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
}

/* Buffers that are registered with an io_uring are pinned, not locked, nor more. */
static long register_buffers(long address, long pages, long c)
{
	struct iovec iov = { (void *)address, pages * PAGE };

	return result(syscall(SYS_io_uring_register, uring.fd,
			      IORING_REGISTER_BUFFERS, &iov, 1));
}

TEST_F(privvm, registered_buffers)
{
	long ring = puppet_do(self->p, uring_open, 0, 0, 0), address;
	int64_t before;

	if (ring == -ENOSYS || ring == -EPERM)
		SKIP(return, "no io_uring: %s", strerror(-ring));
	ASSERT_LT(0, ring);
	EXPECT_EXACT(self->a);
	address = puppet_do(self->p, map, PRIME, RW, PRIVATE);
	ASSERT_TRUE(is_address(address));
	before = held(self->a, privvmpages);
	leave_room(self->a, 0);
	EXPECT_EQ(0, puppet_do(self->p, register_buffers, address, PRIME, 0));
	EXPECT_EQ(before, held(self->a, privvmpages));
	EXPECT_EQ(true_locked(self->a), held(self->a, lockedpages));
	EXPECT_EXACT(self->a);
	/* unmapped they are the ring's alone, and no address space */
	EXPECT_EQ(0, puppet_do(self->p, unmap, address, PRIME, 0));
	EXPECT_EQ(before - PRIME, held(self->a, privvmpages));
	EXPECT_EXACT(self->a);
	EXPECT_CLEAN_AUDIT(0);
}

RESCORE_TEST_MAIN(NULL)
