// SPDX-License-Identifier: GPL-2.0
/*
 * Trees of limits: what a container charges is charged to every one above it, or
 * to none.
 */
#include "inside.h"
#include "puppet.h"
#include "sampler.h"

#define BASE	"/sys/fs/cgroup/kt-tree"

/* top over left and right, low below left. */
FIXTURE(tree)
{
	int top, left, right, low;
	uint64_t cursor;
};

FIXTURE_SETUP(tree)
{
	world_begin(_metadata);
	ASSERT_LT(0, self->top = make("kt-top"));
	ASSERT_LT(0, self->left = make_below("kt-left", NULL, self->top));
	ASSERT_LT(0, self->right = make_below("kt-right", NULL, self->top));
	ASSERT_LT(0, self->low = make_below("kt-low", NULL, self->left));
	self->cursor = rescore_meta(rs)->event_head;
}

FIXTURE_TEARDOWN(tree)
{
	end_puppets();
	world_end(_metadata);
	rmdir(BASE "/x");
	rmdir(BASE);
}

#define EXPECT_TREE(in_top, in_left, in_right, in_low, id) do {	\
	EXPECT_HELD(in_top, self->top, id);			\
	EXPECT_HELD(in_left, self->left, id);			\
	EXPECT_HELD(in_right, self->right, id);			\
	EXPECT_HELD(in_low, self->low, id);			\
} while (0)

static long open_files(struct puppet *p, long n)
{
	return puppet_do(p, open_many, "/dev/null", n, O_RDONLY);
}

TEST_F(tree, all_levels)
{
	struct puppet *p = puppet_in(self->low), *q = puppet_in(self->right);

	EXPECT_TREE(2, 1, 1, 1, numproc);
	EXPECT_EQ(PRIME, open_files(p, PRIME));
	EXPECT_EQ(7, open_files(q, 7));
	EXPECT_TREE(PRIME + 7, PRIME, 7, PRIME, numfile);
	EXPECT_CLEAN_AUDIT(0);
	EXPECT_EQ(2, rescore_nr_processes(rs, self->top));
	EXPECT_EQ(1, rescore_nr_processes(rs, self->left));
	EXPECT_EQ(0, puppet_do(p, close_from, PUPPET_FD, 0, 0));
	EXPECT_TREE(7, 0, 7, 0, numfile);
	EXPECT_EQ(PRIME + 7, row(self->top, numfile).maxheld);
	puppet_end(p);
	EXPECT_TREE(1, 0, 1, 0, numproc);
}

/* Children may be promised more than there is: their parent's bound is for both. */
TEST_F(tree, parent_refuses)
{
	struct puppet *p = puppet_in(self->low), *q = puppet_in(self->right);
	struct rescore_event event;

	set_bounds(self->top, numfile, PRIME, PRIME);
	set_bounds(self->low, numfile, 19, 19);
	set_bounds(self->right, numfile, 19, 19);
	EXPECT_EQ(17, open_files(p, 17));
	EXPECT_EQ(PRIME - 17, open_files(q, 19));
	EXPECT_TREE(PRIME, 17, PRIME - 17, 17, numfile);
	EXPECT_EQ(1, failcnt(self->top, numfile));
	EXPECT_EQ(0, failcnt(self->right, numfile));
	EXPECT_EQ(PRIME - 17, row(self->right, numfile).maxheld);
	ASSERT_EQ(1, rescore_next_event(rs, &self->cursor, &event, NULL));
	EXPECT_EQ(self->top, event.slot);
	EXPECT_EQ(PRIME, event.held);
	EXPECT_EQ(PRIME, event.bound);
	/* of no other level */
	EXPECT_EQ(0, rescore_next_event(rs, &self->cursor, &event, NULL));
	EXPECT_EQ(0, failcnt(self->low, numfile));

	/* a bound in the middle, and the container's own */
	EXPECT_EQ(0, puppet_do(q, close_from, PUPPET_FD, 0, 0));
	set_bounds(self->left, numfile, 18, 18);
	EXPECT_EQ(1, open_files(p, 5));
	EXPECT_EQ(1, failcnt(self->left, numfile));
	set_bounds(self->left, numfile, 100, 100);
	EXPECT_EQ(1, open_files(p, 5));
	EXPECT_EQ(1, failcnt(self->low, numfile));
	EXPECT_TREE(19, 19, 0, 19, numfile);
	EXPECT_CLEAN_AUDIT(0);
}

/* fork() is refused with its errno by a level above, and the parent observes. */
TEST_F(tree, fork)
{
	struct puppet *p = puppet_in(self->low);

	set_bounds(self->top, numproc, 1, 1);
	EXPECT_EQ(-EAGAIN, puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_TREE(1, 1, 0, 1, numproc);
	EXPECT_EQ(0, rescore_set_mode(rs, self->top, numproc, true));
	EXPECT_LT(0, puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_TREE(2, 2, 0, 2, numproc);
	EXPECT_EQ(2, failcnt(self->top, numproc));
}

/* Siblings race for their parent's last places: together they get just those. */
static long race(long n, long b, long c)
{
	pthread_barrier_wait(&shm->barrier);
	return open_many((long)"/dev/null", n, O_RDONLY);
}

TEST_F(tree, race)
{
	const int where[] = { self->low, self->right, self->left, self->top };
	struct sampler sampler;
	struct puppet *p[8];
	unsigned int i;
	long n = 0;

	set_bounds(self->top, numfile, 211, 211);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = puppet_in(where[i % 4]);
	sampler_start(&sampler, self->top, numfile);
	barrier_for(ARRAY_SIZE(p));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		puppet_send_call(p[i], race, 211, 0, 0);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		n += puppet_answer(p[i]);
	sampler_stop(&sampler);
	EXPECT_EQ(211, n);
	EXPECT_EQ(211, held(self->top, numfile));
	EXPECT_EQ(211, row(self->top, numfile).maxheld);
	EXPECT_GE(211, sampler.highest);
	EXPECT_CLEAN_AUDIT(0);
}

/* A move between siblings changes nothing above both of them. */
TEST_F(tree, move_task)
{
	struct puppet *p = puppet_in(self->low);

	EXPECT_EQ(0, puppet_do(p, threads_start, 3, 0, 0));
	EXPECT_TREE(4, 4, 0, 4, numproc);
	set_bounds(self->top, numproc, 4, 4);
	EXPECT_EQ(0, move_to(p->pid, self->right));
	EXPECT_TREE(4, 0, 4, 0, numproc);
	EXPECT_EQ(0, move_to(p->pid, self->top));
	EXPECT_TREE(4, 0, 0, 0, numproc);
	EXPECT_EQ(0, move_to(p->pid, 0));
	EXPECT_TREE(0, 0, 0, 0, numproc);
	EXPECT_CLEAN_AUDIT(0);
}

/* Still paid for by all levels when the container that opened it is gone. */
TEST_F(tree, file_is_out)
{
	struct puppet *p = puppet_in(self->low), *q = puppet_in(0);
	long fd;

	fd = puppet_open(p, "/dev/null", O_RDONLY);
	EXPECT_EQ(0, puppet_do(p, pass_fd, fd, 0, 0));
	EXPECT_EQ(PUPPET_FD, puppet_do(q, take_fd, 0, 0, 0));
	puppet_end(p);
	EXPECT_EQ(0, rescore_destroy(rs, self->low, true));
	EXPECT_HELD(1, self->left, numfile);
	EXPECT_HELD(1, self->top, numfile);
	EXPECT_CLEAN_AUDIT(self->top);
	EXPECT_EQ(0, puppet_close(q, PUPPET_FD));
	EXPECT_HELD(0, self->left, numfile);
	EXPECT_HELD(0, self->top, numfile);
}

TEST_F(tree, levels)
{
	int lowest, deeper;

	ASSERT_LT(0, lowest = make_below("kt-lowest", NULL, self->low));
	deeper = make_below("kt-deeper", NULL, lowest);
	EXPECT_EQ(-E2BIG, deeper);
	EXPECT_EQ(-ENOENT, make_below("kt-orphan", NULL, 999));
	EXPECT_TRUE(rescore_is_below(rs, lowest, self->top));
	EXPECT_FALSE(rescore_is_below(rs, self->top, lowest));
	EXPECT_FALSE(rescore_is_below(rs, self->right, self->left));
	EXPECT_EQ(-EBUSY, rescore_destroy(rs, self->top, false));
	EXPECT_EQ(-EBUSY, rescore_destroy(rs, self->left, true));
	EXPECT_EQ(0, access(path_of(lowest), F_OK));
}

/* All of four levels: charged from the lowest, refused by the highest. */
TEST_F(tree, fourth)
{
	const int above[] = { self->top, self->left, self->low };
	struct puppet *p;
	int lowest, i;

	ASSERT_LT(0, lowest = make_below("kt-lowest", NULL, self->low));
	p = puppet_in(lowest);
	set_bounds(self->top, numfile, PRIME, PRIME);
	EXPECT_EQ(PRIME, open_files(p, 100));
	EXPECT_HELD(PRIME, lowest, numfile);
	EXPECT_HELD(1, lowest, numproc);
	for (i = 0; i < 3; i++) {
		EXPECT_HELD(PRIME, above[i], numfile);
		EXPECT_HELD(1, above[i], numproc);
		EXPECT_EQ(!i, failcnt(above[i], numfile));
	}
	EXPECT_EQ(0, failcnt(lowest, numfile));
	EXPECT_EQ(PRIME, row(lowest, numfile).maxheld);
	EXPECT_CLEAN_AUDIT(0);
	/* the middle one observes: it lets pass, and the top does not */
	EXPECT_EQ(0, puppet_do(p, close_from, PUPPET_FD, 0, 0));
	EXPECT_HELD(0, self->top, numfile);
	set_bounds(self->left, numfile, 7, 7);
	EXPECT_EQ(0, rescore_set_mode(rs, self->left, numfile, true));
	EXPECT_EQ(PRIME, open_files(p, 100));
	EXPECT_EQ(2, failcnt(self->top, numfile));
	EXPECT_EQ(PRIME - 7 + 1, failcnt(self->left, numfile));
	EXPECT_HELD(PRIME, self->left, numfile);
}

/* A child's cgroup may be anywhere: the tree of limits is not that of cgroups. */
TEST_F(tree, elsewhere)
{
	struct puppet *p = puppet_in(0);
	int far;

	ASSERT_EQ(0, mkdir(BASE, 0755));
	ASSERT_EQ(0, mkdir(BASE "/x", 0755));
	ASSERT_LT(0, far = make_below("kt-far", BASE "/x", self->left));
	EXPECT_EQ(0, move_to_path(p->pid, BASE "/x"));
	EXPECT_EQ(PRIME, open_files(p, PRIME));
	EXPECT_HELD(PRIME, far, numfile);
	EXPECT_TREE(PRIME, PRIME, 0, 0, numfile);
	EXPECT_TREE(1, 1, 0, 0, numproc);
	EXPECT_CLEAN_AUDIT(0);
	puppet_end(p);
	EXPECT_TREE(0, 0, 0, 0, numfile);
	EXPECT_EQ(0, rescore_destroy(rs, far, false));
	/* what it did not make stays */
	EXPECT_EQ(0, access(BASE "/x", F_OK));
}

/* Whatever they do: each level holds what it and those below it hold. */
static long storm(long seed, long rounds, long c)
{
	unsigned int x = seed;
	int fd[2];
	pid_t pid;
	void *at;
	long i;

	for (i = 0; i < rounds; i++)
		switch (rand_r(&x) % 4) {
		case 0:
			pid = fork();
			if (!pid)
				_exit(0);
			if (pid > 0)
				waitpid(pid, NULL, 0);
			break;
		case 1:
			if (!pipe(fd)) {
				close(fd[0]);
				close(fd[1]);
			}
			break;
		case 2:
			if (!socketpair(AF_UNIX, SOCK_STREAM, 0, fd)) {
				close(fd[0]);
				close(fd[1]);
			}
			break;
		default:
			at = mmap(NULL, 13 * 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (at != MAP_FAILED)
				munmap(at, 13 * 4096);
		}
	return 0;
}

TEST_F(tree, storm)
{
	const int where[] = { self->low, self->right, self->left, self->top };
	struct puppet *p[8];
	unsigned int i, id;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = puppet_in(where[i % 4]);
	/* the second half of a pair is refused, if not the first */
	EXPECT_EQ(2, open_files(p[1], 2));
	set_bounds(self->top, numfile, 3, 3);
	set_bounds(self->left, numproc, 5, 7);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		puppet_send_call(p[i], storm, i + 23, 150, 0);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		EXPECT_EQ(0, puppet_answer(p[i]));
	EXPECT_LT(0, failcnt(self->top, numfile));
	EXPECT_TREE(8, 4, 2, 2, numproc);
	EXPECT_TREE(2, 0, 2, 0, numfile);
	EXPECT_CLEAN_AUDIT(0);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		puppet_end(p[i]);
	for (id = 0; id < rescore_nr_resources(rs); id++)
		if (!(rescore_resource(rs, id)->flags & RESCORE_DELEGATED))
			EXPECT_TREE(0, 0, 0, 0, id);
}

/* A part of what the parent has attached is given to a child, and comes back. */
TEST_F(tree, attach_part)
{
	struct puppet *p = puppet_in(0);

	ASSERT_EQ(0, mkdir(BASE, 0755));
	ASSERT_EQ(0, mkdir(BASE "/x", 0755));
	EXPECT_EQ(0, move_to_path(p->pid, BASE "/x"));
	ASSERT_EQ(0, rescore_attach(rs, self->top, BASE));
	EXPECT_TREE(1, 0, 0, 0, numproc);
	ASSERT_EQ(0, rescore_attach(rs, self->low, BASE "/x"));
	EXPECT_TREE(1, 1, 0, 1, numproc);
	EXPECT_EQ(self->low, rescore_container_of(rs, p->pid));
	EXPECT_EQ(-EBUSY, rescore_attach(rs, self->right, BASE "/x"));
	EXPECT_EQ(1, rescore_nr_processes(rs, self->top));
	ASSERT_EQ(0, rescore_detach(rs, self->low, BASE "/x"));
	EXPECT_TREE(1, 0, 0, 0, numproc);
	EXPECT_EQ(self->top, rescore_container_of(rs, p->pid));
	ASSERT_EQ(0, rescore_detach(rs, self->top, BASE));
	EXPECT_TREE(0, 0, 0, 0, numproc);
	puppet_end(p);
}

/* Only what holds nothing goes below another parent. */
TEST_F(tree, move_container)
{
	struct puppet *p = puppet_in(self->low);
	int other;

	ASSERT_LT(0, other = make("kt-other"));
	EXPECT_EQ(-EBUSY, rescore_set_parent(rs, self->low, other));
	EXPECT_EQ(-EBUSY, rescore_set_parent(rs, self->left, other));
	puppet_end(p);
	EXPECT_TREE(0, 0, 0, 0, numproc);
	EXPECT_TREE(0, 0, 0, 0, numfile);
	EXPECT_EQ(-ELOOP, rescore_set_parent(rs, self->left, self->left));
	EXPECT_EQ(-ELOOP, rescore_set_parent(rs, self->left, self->low));
	EXPECT_EQ(-ENOENT, rescore_set_parent(rs, self->left, 999));
	EXPECT_EQ(0, rescore_set_parent(rs, self->left, other));
	p = puppet_in(self->low);
	EXPECT_TREE(0, 1, 0, 1, numproc);
	EXPECT_HELD(1, other, numproc);
	puppet_end(p);
	EXPECT_HELD(0, other, numproc);
	EXPECT_EQ(0, rescore_set_parent(rs, self->left, self->top));
}

/* The administrator gets into a tree that is full at every level. */
TEST_F(tree, enter_full)
{
	set_bounds(self->top, numproc, 0, 0);
	set_bounds(self->top, numfile, 0, 0);
	set_bounds(self->low, numproc, 0, 0);
	EXPECT_EQ(7, run_inside(self->low, true, "exit 7"));
	EXPECT_TREE(0, 0, 0, 0, numproc);
}

/* A signal to the one above reaches those below. */
TEST_F(tree, kill)
{
	struct puppet *p = puppet_in(self->low), *q = puppet_in(self->right);

	puppet_in(self->top);
	EXPECT_EQ(3, rescore_kill(rs, self->top, SIGCONT));
	EXPECT_EQ(1, rescore_kill(rs, self->left, SIGKILL));
	EXPECT_EQ(SIGKILL, WTERMSIG(puppet_end(p)));
	EXPECT_TREE(2, 0, 1, 0, numproc);
	EXPECT_EQ(2, rescore_kill(rs, self->top, SIGKILL));
	EXPECT_EQ(SIGKILL, WTERMSIG(puppet_end(q)));
}

RESCORE_TEST_MAIN(NULL)
