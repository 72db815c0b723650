// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: processes that open, fork, lock and pass descriptors at
 * random in containers whose limits bite, while they are moved about. Whatever
 * the order of things was, nothing is held at the end.
 */
#include <sys/file.h>

#include "puppet.h"

#define CONTAINERS	4
#define WORKERS		8
#define OPERATIONS	20000	/* of all workers together */
#define FDS		12	/* a worker keeps open at the most */
#define LOCKED		"/tmp/kt-storm"

FIXTURE(storm)
{
	int slot[CONTAINERS];
	unsigned int seed;
};

FIXTURE_SETUP(storm)
{
	int i;

	world_begin(_metadata);
	for (i = 0; i < CONTAINERS; i++) {
		self->slot[i] = make(text("kt-storm-%d", i));
		ASSERT_LT(0, self->slot[i]);
		set_bounds(self->slot[i], numproc, 7, 9);
		set_bounds(self->slot[i], numfile, 31, 37);
		set_bounds(self->slot[i], numflock, 5, 7);
		set_bounds(self->slot[i], numpty, 2, 2);
	}
}

FIXTURE_TEARDOWN(storm)
{
	end_puppets();
	world_end(_metadata);
	unlink(LOCKED);
}

/* --- one worker ------------------------------------------------------------------ */

struct worker {
	unsigned int state;
	int fd[FDS];
	int locked;
};

static int *free_fd(struct worker *w)
{
	int *fd = &w->fd[rand_r(&w->state) % FDS];

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return fd;
}

static void do_open(struct worker *w)
{
	static const char *const paths[] = { "/etc/passwd", "/dev/null", "/tmp",
					     "/proc/self/stat", "/nowhere" };

	*free_fd(w) = open(paths[rand_r(&w->state) % 5], O_RDONLY);
}

static void do_pair(struct worker *w)
{
	int *a = free_fd(w), *b = free_fd(w), fd[2];

	if (a == b)
		return;
	if (rand_r(&w->state) % 2 ? pipe(fd) :
				    socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return;
	*a = fd[0];
	*b = fd[1];
}

static void do_close(struct worker *w)
{
	free_fd(w);
}

static void do_dup(struct worker *w)
{
	int from = w->fd[rand_r(&w->state) % FDS];

	if (from >= 0)
		*free_fd(w) = dup(from);
}

static void do_fork(struct worker *w)
{
	pid_t pid = rand_r(&w->state) % 4 ? fork() : vfork();

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void *do_nothing(void *arg)
{
	return arg;
}

static void do_thread(struct worker *w)
{
	pthread_t thread;

	(void)w;
	if (!pthread_create(&thread, NULL, do_nothing, NULL))
		pthread_join(thread, NULL);
}

static void do_record_lock(struct worker *w)
{
	static const short types[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	struct flock lock = {
		.l_type = types[rand_r(&w->state) % 3],
		.l_start = rand_r(&w->state) % 40,
		.l_len = 1 + rand_r(&w->state) % 20,
	};

	fcntl(w->locked, F_SETLK, &lock);
}

static void do_flock(struct worker *w)
{
	static const int how[] = { LOCK_SH, LOCK_EX, LOCK_UN };

	flock(w->locked, how[rand_r(&w->state) % 3] | LOCK_NB);
}

static void do_pty(struct worker *w)
{
	*free_fd(w) = open("/dev/ptmx", O_RDWR | O_NOCTTY);
}

static void do_access(struct worker *w)
{
	(void)w;
	access("/dev/ptmx", R_OK);
}

/* Into the one socket that all workers share: who takes it is chance. */
static void do_pass(struct worker *w)
{
	int fd = w->fd[rand_r(&w->state) % FDS];

	if (fd >= 0)
		pass_fd(fd, 0, 0);
}

static void do_take(struct worker *w)
{
	int fd = take_fd(0, 0, 0);

	if (fd >= 0)
		*free_fd(w) = fd;
}

static void do_lease(struct worker *w)
{
	fcntl(w->locked, F_SETLEASE, rand_r(&w->state) % 2 ? F_RDLCK : F_UNLCK);
}

static void (*const operations[])(struct worker *w) = {
	do_open,   do_open,   do_pair,	      do_close,	      do_close, do_dup,
	do_fork,   do_thread, do_record_lock, do_record_lock, do_flock, do_pty,
	do_access, do_pass, do_take, do_lease,
};

#define NR_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static long work(long n, long seed, long c)
{
	struct worker w = { .state = seed };
	int i;

	(void)c;
	for (i = 0; i < FDS; i++)
		w.fd[i] = -1;
	fcntl(PUPPET_PASS, F_SETFL, O_NONBLOCK);
	w.locked = open(LOCKED, O_RDWR | O_CREAT, 0600);
	while (n--) {
		operations[rand_r(&w.state) % NR_OPERATIONS](&w);
		if (w.locked < 0)
			w.locked = open(LOCKED, O_RDWR | O_CREAT, 0600);
	}
	__atomic_fetch_add(&shm->number[0], 1, __ATOMIC_SEQ_CST);
	return close_from(PUPPET_FD, 0, 0);
}

/* --- the mover --------------------------------------------------------------------- */

/* Move a worker to another container, sometimes into a cgroup made just now. */
static void move_one(int slot, pid_t pid, unsigned int *state)
{
	const char *child = text("%s/c%d", path_of(slot), rand_r(state) % 3);

	switch (rand_r(state) % 4) {
	case 0:
		mkdir(child, 0755);
		move_to_path(pid, child);
		break;
	case 1:
		rmdir(child);
		/* fall through */
	default:
		move_to(pid, slot);
	}
}

/* What was passed and never taken goes to the host, and is closed. */
static void empty_socket(void)
{
	struct puppet *p = puppet_in(0);

	while (puppet_do(p, take_fd, 0, 0, 0) >= 0)
		puppet_do(p, close_from, PUPPET_FD, 0, 0);
	puppet_end(p);
}

/* 20,000 operations of 8 processes in 4 containers, moved all the while. */
TEST_F_TIMEOUT(storm, everything, 240)
{
	unsigned int state = time(NULL), refused = 0;
	struct puppet *worker[WORKERS];
	int i, id;

	TH_LOG("seed %u", state);
	shm->number[0] = 0;
	for (i = 0; i < WORKERS; i++) {
		worker[i] = puppet_in(self->slot[i % CONTAINERS]);
		puppet_send_call(worker[i], work, OPERATIONS / WORKERS,
				 state + i, 0);
	}
	while (__atomic_load_n(&shm->number[0], __ATOMIC_SEQ_CST) < WORKERS) {
		move_one(self->slot[rand_r(&state) % CONTAINERS],
			 worker[rand_r(&state) % WORKERS]->pid, &state);
		usleep(2000);
	}
	for (i = 0; i < WORKERS; i++)
		EXPECT_EQ(0, puppet_answer(worker[i]));
	empty_socket();

	for (i = 0; i < CONTAINERS; i++)
		for (id = 0; id < (int)rescore_nr_resources(rs); id++)
			refused += failcnt(self->slot[i], id);
	EXPECT_LT(100, refused);
	for (i = 0; i < CONTAINERS; i++) {
		EXPECT_HELD(0, self->slot[i], numfile);
		EXPECT_HELD(0, self->slot[i], numflock);
		EXPECT_HELD(0, self->slot[i], numpty);
		EXPECT_GE(37, row(self->slot[i], numfile).maxheld);
		EXPECT_GE(7, row(self->slot[i], numflock).maxheld);
		EXPECT_GE(2, row(self->slot[i], numpty).maxheld);
	}
	EXPECT_CLEAN_AUDIT(0);
}

RESCORE_TEST_MAIN(NULL)
