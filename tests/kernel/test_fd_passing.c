// SPDX-License-Identifier: GPL-2.0
/*
 * Who pays for a file: the container that opened it, for as long as it lives,
 * wherever its descriptor travels and wherever its opener moves.
 */
#include "puppet.h"

FIXTURE(passing)
{
	int a, b;
	struct puppet *p, *q;
};

FIXTURE_SETUP(passing)
{
	world_begin(_metadata);
	ASSERT_LT(0, self->a = make("kt-a"));
	ASSERT_LT(0, self->b = make("kt-b"));
	self->p = puppet_in(self->a);
	self->q = puppet_in(self->b);
}

FIXTURE_TEARDOWN(passing)
{
	end_puppets();
	/* nothing may be left on its way */
	EXPECT_EQ(-1, recv(shm->pass[1], shm->scratch, 1, MSG_DONTWAIT));
	world_end(_metadata);
}

#define EXPECT_FILES(in_a, in_b) do {		\
	EXPECT_HELD(in_a, self->a, numfile);	\
	EXPECT_HELD(in_b, self->b, numfile);	\
} while (0)

/* Opened in a, closed last in b: a's from the first to the last. */
TEST_F(passing, last_close_elsewhere)
{
	long fd;
	int i;

	for (i = 0; i < 7; i++) {
		fd = puppet_open(self->p, "/dev/null", O_RDONLY);
		EXPECT_EQ(0, puppet_do(self->p, pass_fd, fd, 0, 0));
		EXPECT_EQ(PUPPET_FD, puppet_do(self->q, take_fd, 0, 0, 0));
		EXPECT_FILES(1, 0);
		EXPECT_EQ(0, puppet_close(self->p, fd));
		EXPECT_FILES(1, 0);
		EXPECT_CLEAN_AUDIT(0);
		EXPECT_EQ(0, puppet_close(self->q, PUPPET_FD));
		EXPECT_FILES(0, 0);
	}
	EXPECT_EQ(0, row(self->b, numfile).underflow);
}

/* The opener is dead, and its container empty, but for what it passed on. */
TEST_F(passing, opener_killed)
{
	int i;

	EXPECT_EQ(PRIME,
		  puppet_do(self->p, open_many, "/dev/null", PRIME, O_RDONLY));
	for (i = 0; i < PRIME; i++) {
		EXPECT_EQ(0, puppet_do(self->p, pass_fd, PUPPET_FD + i, 0, 0));
		EXPECT_EQ(PUPPET_FD + i, puppet_do(self->q, take_fd, 0, 0, 0));
	}
	puppet_end(self->p);
	EXPECT_FILES(PRIME, 0);
	EXPECT_HELD(0, self->a, numproc);
	/* the receiver's own limit has nothing to do with it */
	set_bounds(self->b, numfile, 1, 1);
	EXPECT_EQ(PUPPET_FD + PRIME,
		  puppet_open(self->q, "/dev/null", O_RDONLY));
	EXPECT_EQ(-ENFILE, puppet_open(self->q, "/dev/null", O_RDONLY));
	EXPECT_FILES(PRIME, 1);
	EXPECT_CLEAN_AUDIT(0);
	puppet_end(self->q);
	EXPECT_FILES(0, 0);
}

/* A receiver that is full can take a descriptor: it opens nothing. */
TEST_F(passing, take_when_full)
{
	set_bounds(self->b, numfile, 0, 0);
	EXPECT_EQ(PUPPET_FD, puppet_open(self->p, "/dev/null", O_RDONLY));
	EXPECT_EQ(0, puppet_do(self->p, pass_fd, PUPPET_FD, 0, 0));
	EXPECT_EQ(PUPPET_FD, puppet_do(self->q, take_fd, 0, 0, 0));
	EXPECT_EQ(0, failcnt(self->b, numfile));
	EXPECT_FILES(1, 0);
}

/* On its way through a socket a file is open, though in no process. */
TEST_F(passing, in_flight)
{
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(PUPPET_FD,
			  puppet_open(self->p, "/dev/null", O_RDONLY));
		EXPECT_EQ(0, puppet_do(self->p, pass_fd, PUPPET_FD, 0, 0));
		EXPECT_EQ(0, puppet_close(self->p, PUPPET_FD));
	}
	EXPECT_FILES(3, 0);
	EXPECT_CLEAN_AUDIT(0);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(PUPPET_FD + i, puppet_do(self->q, take_fd, 0, 0, 0));
	EXPECT_FILES(3, 0);
	EXPECT_EQ(0, puppet_do(self->q, close_from, PUPPET_FD, 0, 0));
	EXPECT_FILES(0, 0);
}

/* Pass @fd over @socket, which is one of a pair. */
static long pass_over(long fd, long socket, long b)
{
	int saved = dup(PUPPET_PASS), err;

	dup2(socket, PUPPET_PASS);
	err = pass_fd(fd, 0, 0);
	dup2(saved, PUPPET_PASS);
	close(saved);
	return err;
}

/* What nobody takes is closed with the socket that it was in. */
TEST_F(passing, lost_in_flight)
{
	int *pair = (int *)shm->scratch, i;

	EXPECT_EQ(0, puppet_sys(self->p, SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0,
				pair));
	for (i = 0; i < 7; i++) {
		EXPECT_EQ(pair[1] + 1,
			  puppet_open(self->p, "/dev/null", O_RDONLY));
		EXPECT_EQ(0, puppet_do(self->p, pass_over, pair[1] + 1, pair[0],
				       0));
		EXPECT_EQ(0, puppet_close(self->p, pair[1] + 1));
	}
	EXPECT_FILES(2 + 7, 0);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_close(self->p, pair[1]));
	EXPECT_EQ(0, puppet_close(self->p, pair[0]));
	EXPECT_FILES(0, 0);
}

/* Sockets that are in flight in one another: the kernel's collector finds them. */
TEST_F(passing, cycle)
{
	int *pair = (int *)shm->scratch;

	EXPECT_EQ(0, puppet_sys(self->p, SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0,
				pair));
	EXPECT_EQ(0, puppet_do(self->p, pass_over, pair[0], pair[0], 0));
	EXPECT_EQ(0, puppet_do(self->p, pass_over, pair[1], pair[1], 0));
	EXPECT_EQ(0, puppet_close(self->p, pair[0]));
	EXPECT_EQ(0, puppet_close(self->p, pair[1]));
	/* it runs when a socket is closed */
	EXPECT_TRUE(eventually(({
		close(socket(AF_UNIX, SOCK_DGRAM, 0));
		held(self->a, numfile) == 0;
	})));
}

/* pidfd_getfd() takes a descriptor, and opens nothing but the pidfd. */
TEST_F(passing, pidfd_getfd)
{
	long pidfd, fd;

	EXPECT_EQ(PUPPET_FD, puppet_open(self->p, "/dev/null", O_RDONLY));
	EXPECT_LT(0, pidfd = puppet_sys(self->q, SYS_pidfd_open, self->p->pid,
					0, 0, 0));
	EXPECT_LT(0, fd = puppet_sys(self->q, SYS_pidfd_getfd, pidfd, PUPPET_FD,
				     0, 0));
	EXPECT_FILES(1, 1);
	EXPECT_EQ(0, puppet_close(self->p, PUPPET_FD));
	EXPECT_EQ(0, puppet_close(self->q, pidfd));
	EXPECT_FILES(1, 0);
	EXPECT_EQ(0, puppet_close(self->q, fd));
	EXPECT_FILES(0, 0);
}

/* A process that moves takes its files along, but not what they cost. */
TEST_F(passing, move_opener)
{
	EXPECT_EQ(7, puppet_do(self->p, open_many, "/dev/null", 7, O_RDONLY));
	EXPECT_EQ(0, move_to(self->p->pid, self->b));
	EXPECT_FILES(7, 0);
	EXPECT_EQ(3, puppet_do(self->p, open_many, "/dev/null", 3, O_RDONLY));
	EXPECT_FILES(7, 3);
	EXPECT_EQ(0, move_to(self->p->pid, 0));
	EXPECT_EQ(5, puppet_do(self->p, open_many, "/dev/null", 5, O_RDONLY));
	EXPECT_FILES(7, 3);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_do(self->p, close_from, PUPPET_FD, 0, 0));
	EXPECT_FILES(0, 0);
}

/* Opened on the host, closed in a container: nobody paid, nobody is paid back. */
TEST_F(passing, from_host)
{
	struct puppet *host = puppet_in(0);

	EXPECT_EQ(PUPPET_FD, puppet_open(host, "/dev/null", O_RDONLY));
	EXPECT_EQ(0, puppet_do(host, pass_fd, PUPPET_FD, 0, 0));
	EXPECT_EQ(PUPPET_FD, puppet_do(self->p, take_fd, 0, 0, 0));
	puppet_end(host);
	EXPECT_FILES(0, 0);
	EXPECT_EQ(0, puppet_close(self->p, PUPPET_FD));
	EXPECT_FILES(0, 0);
	EXPECT_EQ(0, row(self->a, numfile).underflow);
}

/* A mapping made elsewhere keeps a file for its opener as well. */
static long map_fd(long fd, long b, long c)
{
	void *where = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	close(fd);
	return where == MAP_FAILED ? -errno : (long)where;
}

TEST_F(passing, mapped_elsewhere)
{
	long fd, where;

	fd = puppet_open(self->p, "/tmp", O_TMPFILE | O_RDWR);
	EXPECT_EQ(0, puppet_do(self->p, pass_fd, fd, 0, 0));
	EXPECT_EQ(PUPPET_FD, puppet_do(self->q, take_fd, 0, 0, 0));
	EXPECT_LT(0, where = puppet_do(self->q, map_fd, PUPPET_FD, 0, 0));
	EXPECT_EQ(0, puppet_close(self->p, fd));
	EXPECT_FILES(1, 0);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(0, puppet_sys(self->q, SYS_munmap, where, 4096, 0, 0));
	EXPECT_FILES(0, 0);
}

RESCORE_TEST_MAIN(NULL)
