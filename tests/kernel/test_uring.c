// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring: files opened without open(2), files held without a descriptor, and
 * the kernel's worker threads, which are tasks of the container.
 */
#include "puppet.h"
#include "uring.h"

#define FIFO "/tmp/kt-fifo"

FIXTURE(uring)
{
	int slot;
	struct puppet *p;
	long ring;
};

FIXTURE_SETUP(uring)
{
	world_begin(_metadata);
	ASSERT_LT(0, self->slot = make("kt-a"));
	self->p = puppet_in(self->slot);
	mkfifo(FIFO, 0600);
	self->ring = puppet_do(self->p, uring_open, 0, 0, 0);
}

FIXTURE_TEARDOWN(uring)
{
	end_puppets();
	world_end(_metadata);
	unlink(FIFO);
}

#define NEED_URING() do {						\
	if (self->ring == -ENOSYS || self->ring == -EPERM)		\
		SKIP(return, "no io_uring: %s", strerror(-self->ring));	\
	ASSERT_EQ(PUPPET_FD, self->ring);				\
} while (0)

/* Open /dev/null. The descriptor, or -errno. */
static long open_by_uring(long flags, long direct, long b)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_OPENAT,
		.flags = flags,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)"/dev/null",
		.open_flags = O_RDONLY,
		.file_index = direct,
	};
	long err = uring_submit(&sqe);

	return err ?: uring_wait(0, 0, 0);
}

/* The ring is a file; what it opens is another, at once or in a worker. */
TEST_F(uring, openat)
{
	int i;

	NEED_URING();
	EXPECT_EQ(1, held(self->slot, numfile));
	for (i = 1; i <= PRIME; i++) {
		EXPECT_EQ(PUPPET_FD + i,
			  puppet_do(self->p, open_by_uring,
				    i & 1 ? IOSQE_ASYNC : 0, 0, 0));
		EXPECT_EQ(1 + i, held(self->slot, numfile));
	}
	EXPECT_CLEAN_AUDIT(self->slot);
	set_bounds(self->slot, numfile, 1 + PRIME, 100);
	EXPECT_EQ(-ENFILE, puppet_do(self->p, open_by_uring, 0, 0, 0));
	EXPECT_EQ(-ENFILE,
		  puppet_do(self->p, open_by_uring, IOSQE_ASYNC, 0, 0));
	EXPECT_LE(2, failcnt(self->slot, numfile));
	EXPECT_EQ(0, puppet_do(self->p, close_from, PUPPET_FD + 1, 0, 0));
	EXPECT_HELD(1, self->slot, numfile);
	EXPECT_EQ(0, puppet_do(self->p, uring_close, 0, 0, 0));
	EXPECT_HELD(0, self->slot, numfile);
}

static long register_table(long n, long b, long c)
{
	int fds[64];

	memset(fds, -1, sizeof(fds));
	return result(syscall(SYS_io_uring_register, uring.fd,
			      IORING_REGISTER_FILES, fds, n));
}

/* Opened straight into the ring's own table: no descriptor, but a file. */
TEST_F(uring, direct)
{
	int i;

	NEED_URING();
	EXPECT_EQ(0, puppet_do(self->p, register_table, PRIME, 0, 0));
	for (i = 1; i <= PRIME; i++) {
		EXPECT_EQ(0, puppet_do(self->p, open_by_uring, 0, i, 0));
		EXPECT_HELD(1 + i, self->slot, numfile);
	}
	EXPECT_CLEAN_AUDIT(self->slot);
	/* into a place that is taken: the old one goes */
	EXPECT_EQ(0, puppet_do(self->p, open_by_uring, 0, 3, 0));
	EXPECT_HELD(1 + PRIME, self->slot, numfile);
	set_bounds(self->slot, numfile, 0, 0);
	EXPECT_EQ(-ENFILE, puppet_do(self->p, open_by_uring, 0, 3, 0));
	EXPECT_EQ(0, puppet_do(self->p, uring_close, 0, 0, 0));
	EXPECT_HELD(0, self->slot, numfile);
}

static long register_fd(long fd, long b, long c)
{
	int fds = fd;

	return result(syscall(SYS_io_uring_register, uring.fd,
			      IORING_REGISTER_FILES, &fds, 1));
}

/* A registered file lives in the ring when its descriptor is closed. */
TEST_F(uring, registered)
{
	long fd;

	NEED_URING();
	EXPECT_LT(0, fd = puppet_open(self->p, "/dev/null", O_RDONLY));
	EXPECT_EQ(0, puppet_do(self->p, register_fd, fd, 0, 0));
	EXPECT_EQ(0, puppet_close(self->p, fd));
	EXPECT_EQ(2, held(self->slot, numfile));
	EXPECT_CLEAN_AUDIT(self->slot);
	puppet_end(self->p);
	EXPECT_HELD(0, self->slot, numfile);
}

/*
 * Have a worker open the FIFO for reading: it waits in there for a writer. (A
 * read from a pipe would not do, io_uring polls those.)
 */
static long wait_for_writer(long a, long b, long c)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_OPENAT,
		.flags = IOSQE_ASYNC,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)FIFO,
		.open_flags = O_RDONLY,
	};

	return uring_submit(&sqe);
}

/* The workers that wait for a container's requests are its tasks. */
TEST_F(uring, workers)
{
	int i, fd;

	NEED_URING();
	for (i = 1; i <= 5; i++) {
		EXPECT_EQ(0, puppet_do(self->p, wait_for_writer, 0, 0, 0));
		EXPECT_HELD(1 + i, self->slot, numproc);
	}
	EXPECT_EQ(5, row(self->slot, numproc).maxheld - 1);
	EXPECT_CLEAN_AUDIT(self->slot);
	fd = open(FIFO, O_WRONLY);
	for (i = 1; i <= 5; i++)
		EXPECT_LT(PUPPET_FD, puppet_do(self->p, uring_wait, 0, 0, 0));
	close(fd);
	EXPECT_EQ(1 + 5, held(self->slot, numfile));
	puppet_end(self->p);
	EXPECT_HELD(0, self->slot, numproc);
	EXPECT_HELD(0, self->slot, numfile);
	EXPECT_EQ(0, row(self->slot, numproc).underflow);
}

/* In a full container there are no workers, and the process can be killed. */
TEST_F(uring, no_worker)
{
	NEED_URING();
	set_bounds(self->slot, numproc, 1, 1);
	EXPECT_EQ(0, puppet_do(self->p, wait_for_writer, 0, 0, 0));
	EXPECT_TRUE(eventually(failcnt(self->slot, numproc) > 0));
	EXPECT_EQ(1, held(self->slot, numproc));
	EXPECT_EQ(1, row(self->slot, numproc).maxheld);
	puppet_end(self->p);
	EXPECT_HELD(0, self->slot, numproc);
	EXPECT_HELD(0, self->slot, numfile);
	EXPECT_EQ(0, row(self->slot, numproc).underflow);
}

/* A process that moves takes its workers along, but not what is open. */
TEST_F(uring, move)
{
	int other, fd;

	NEED_URING();
	ASSERT_LT(0, other = make("kt-b"));
	EXPECT_EQ(0, puppet_do(self->p, wait_for_writer, 0, 0, 0));
	EXPECT_EQ(0, puppet_do(self->p, wait_for_writer, 0, 0, 0));
	EXPECT_HELD(3, self->slot, numproc);
	EXPECT_HELD(3, self->slot, numfile);
	EXPECT_EQ(0, move_to(self->p->pid, other));
	EXPECT_EQ(3, held(other, numproc));
	EXPECT_EQ(0, held(self->slot, numproc));
	fd = open(FIFO, O_WRONLY);
	EXPECT_LT(PUPPET_FD, puppet_do(self->p, uring_wait, 0, 0, 0));
	EXPECT_LT(PUPPET_FD, puppet_do(self->p, uring_wait, 0, 0, 0));
	close(fd);
	EXPECT_LT(PUPPET_FD,
		  puppet_do(self->p, open_by_uring, IOSQE_ASYNC, 0, 0));
	EXPECT_EQ(3, held(self->slot, numfile));
	EXPECT_EQ(1, held(other, numfile));
	EXPECT_CLEAN_AUDIT(0);
}

RESCORE_TEST_MAIN(NULL)
