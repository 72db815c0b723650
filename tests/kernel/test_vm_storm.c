// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces changed at random by processes and threads that fork and
 * execute, at bounds that bite and in containers they are moved between. At
 * every halt held is what /proc says; at the end it is 0.
 */
#include <sys/shm.h>

#include "tenant.h"

#define CONTAINERS	4
#define WORKERS		8
#define OPERATIONS	20000	/* of all workers together */
#define AREAS		10
#define ROUNDS		10
#define LARGEST		97	/* pages of a request */

FIXTURE(vm_storm)
{
	int slot[CONTAINERS];
};

FIXTURE_SETUP(vm_storm)
{
	int i;

	world_begin(_metadata);
	find_memory_rows();
	for (i = 0; i < CONTAINERS; i++) {
		self->slot[i] = make(text("kt-vm-storm-%d", i));
		ASSERT_LT(0, self->slot[i]);
	}
}

FIXTURE_TEARDOWN(vm_storm)
{
	end_puppets();
	world_end(_metadata);
}

/* --- one worker ------------------------------------------------------------------ */

struct worker {
	unsigned int state;
	struct {
		char *at;
		long pages;
	} area[AREAS];
};

static long some(struct worker *w, long n)
{
	return rand_r(&w->state) % n;
}

static void do_map(struct worker *w)
{
	static const int flags[] = { 0, MAP_NORESERVE, MAP_POPULATE,
				     MAP_GROWSDOWN,
				     MAP_NORESERVE | MAP_GROWSDOWN };
	static const int prots[] = { PROT_NONE, PROT_READ, RW, RW, RW };
	int i = some(w, AREAS);
	long pages = 1 + some(w, LARGEST);
	void *at;

	if (w->area[i].at)
		munmap(w->area[i].at, w->area[i].pages * PAGE);
	at = mmap(NULL, pages * PAGE, prots[some(w, 5)],
		  MAP_ANONYMOUS | flags[some(w, 5)] |
			  (some(w, 5) ? MAP_PRIVATE : MAP_SHARED),
		  -1, 0);
	w->area[i].at = at == MAP_FAILED ? NULL : at;
	w->area[i].pages = pages;
}

/* A part of an area; NULL: none. */
static char *part(struct worker *w, long *pages)
{
	int i = some(w, AREAS);
	long from;

	if (!w->area[i].at)
		return NULL;
	from = some(w, w->area[i].pages);
	*pages = 1 + some(w, w->area[i].pages - from);
	return w->area[i].at + from * PAGE;
}

static void do_unmap(struct worker *w)
{
	long pages;
	char *at = part(w, &pages);

	if (at)
		munmap(at, pages * PAGE);
}

static void do_protect(struct worker *w)
{
	static const int prots[] = { PROT_NONE, PROT_READ, RW, RW };
	long pages;
	char *at = part(w, &pages);

	if (at)
		mprotect(at, pages * PAGE, prots[some(w, 4)]);
}

static void do_overlay(struct worker *w)
{
	long pages;
	char *at = part(w, &pages);

	if (at)
		mmap(at, pages * PAGE, some(w, 3) ? RW : PROT_NONE,
		     PRIVATE | MAP_FIXED | (some(w, 2) ? MAP_NORESERVE : 0), -1,
		     0);
}

static void do_remap(struct worker *w)
{
	int i = some(w, AREAS);
	long pages = 1 + some(w, LARGEST);
	void *at;

	if (!w->area[i].at)
		return;
	at = mremap(w->area[i].at, w->area[i].pages * PAGE, pages * PAGE,
		    some(w, 3) ? MREMAP_MAYMOVE : 0);
	if (at == MAP_FAILED)
		return;
	w->area[i].at = at;
	w->area[i].pages = pages;
}

/* In the place of another area, or of its beginning. */
static void do_remap_over(struct worker *w)
{
	int i = some(w, AREAS), j = some(w, AREAS);
	long pages;
	void *at;

	if (i == j || !w->area[i].at || !w->area[j].at)
		return;
	pages = 1 + some(w, w->area[j].pages);
	at = mremap(w->area[i].at, w->area[i].pages * PAGE, pages * PAGE,
		    MREMAP_MAYMOVE | MREMAP_FIXED, w->area[j].at);
	if (at == MAP_FAILED)
		return;
	w->area[i].at = at;
	w->area[i].pages = pages;
	w->area[j].at += pages * PAGE;
	w->area[j].pages -= pages;
	if (!w->area[j].pages)
		w->area[j].at = NULL;
}

/* As allocators keep addresses: accounted by the kernel still, but not counted. */
static void do_retire(struct worker *w)
{
	int i = some(w, AREAS);
	long size = w->area[i].pages * PAGE;

	if (!w->area[i].at)
		return;
	madvise(w->area[i].at, size, MADV_POPULATE_WRITE);
	mprotect(w->area[i].at, size, PROT_READ);
}

/* ...and use them again. */
static void do_reuse(struct worker *w)
{
	int i = some(w, AREAS);

	if (w->area[i].at)
		mmap(w->area[i].at, w->area[i].pages * PAGE, RW,
		     PRIVATE | MAP_FIXED, -1, 0);
}

static void do_dontunmap(struct worker *w)
{
	int i = some(w, AREAS);
	void *at;

	if (!w->area[i].at)
		return;
	at = mremap(w->area[i].at, w->area[i].pages * PAGE,
		    w->area[i].pages * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	if (at != MAP_FAILED)
		munmap(at, w->area[i].pages * PAGE);
}

static void do_brk(struct worker *w)
{
	brk_by(some(w, 60) - 30, 0, 0);
}

static void do_dontfork(struct worker *w)
{
	long pages;
	char *at = part(w, &pages);

	if (at)
		madvise(at, pages * PAGE,
			some(w, 2) ? MADV_DONTFORK : MADV_DOFORK);
}

static void do_lock(struct worker *w)
{
	long pages;
	char *at = part(w, &pages);

	if (!at)
		return;
	if (some(w, 2))
		mlock(at, pages * PAGE);
	else
		munlock(at, pages * PAGE);
}

static void do_fork(struct worker *w)
{
	pid_t pid = some(w, 4) ? fork() : vfork();

	if (!pid) {
		if (some(w, 3) == 0)
			execl("/bin/busybox", "true", NULL);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void *thread_maps(void *arg)
{
	struct worker w = { .state = (long)arg };
	void *at;
	int i;

	for (i = 0; i < 5; i++) {
		at = mmap(NULL, (1 + some(&w, 30)) * PAGE, RW,
			  PRIVATE | (some(&w, 2) ? MAP_NORESERVE : 0), -1, 0);
		if (at != MAP_FAILED)
			munmap(at, 30 * PAGE);
	}
	return NULL;
}

static void do_threads(struct worker *w)
{
	pthread_t thread[3];
	int i, n = 0;

	for (i = 0; i < 3; i++)
		if (!pthread_create(&thread[n], NULL, thread_maps,
				    (void *)(long)rand_r(&w->state)))
			n++;
	while (n)
		pthread_join(thread[--n], NULL);
}

static void do_shmat(struct worker *w)
{
	int id = shmget(IPC_PRIVATE, (1 + some(w, 20)) * PAGE,
			IPC_CREAT | 0600);
	void *at;

	if (id < 0)
		return;
	at = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL);
	if (at != (void *)-1)
		shmdt(at);
}

static void (*const operations[])(struct worker *w) = {
	do_map,	    do_map,	   do_map,	 do_unmap,    do_unmap,
	do_protect, do_protect,	   do_overlay,	 do_remap,    do_remap,
	do_retire,  do_reuse,	   do_remap_over, do_dontunmap, do_dontfork,
	do_lock,    do_fork,	   do_threads,	 do_shmat,    do_brk,
};

#define NR_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static long work(long n, long seed, long c)
{
	static struct worker w;

	(void)c;
	w.state = seed;
	while (n--)
		operations[some(&w, NR_OPERATIONS)](&w);
	__atomic_fetch_add(&shm->number[0], 1, __ATOMIC_SEQ_CST);
	return 0;
}

/* --- everybody at once ------------------------------------------------------------- */

/* 10 rounds at a bound that bites: exact at the end of each. */
TEST_F_TIMEOUT(vm_storm, exact, 300)
{
	unsigned int state = time(NULL);
	struct puppet *worker[WORKERS];
	int64_t bound = 0;
	int i, round;

	TH_LOG("seed %u", state);
	for (i = 0; i < WORKERS; i++)
		worker[i] = tenant_in(self->slot[i % CONTAINERS]);
	for (i = 0; i < CONTAINERS; i++) {
		bound = held(self->slot[i], privvmpages) * 2 + 700;
		set_bounds(self->slot[i], privvmpages, bound, bound);
	}
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < WORKERS; i++)
			puppet_send_call(worker[i], work,
					 OPERATIONS / WORKERS / ROUNDS,
					 rand_r(&state), 0);
		for (i = 0; i < WORKERS; i++)
			EXPECT_EQ(0, puppet_answer(worker[i]));
		for (i = 0; i < CONTAINERS; i++) {
			int slot = self->slot[i];

			EXPECT_TRUE(eventually(true_private(slot) ==
					       held(slot, privvmpages)))
			TH_LOG("round %d: %ld, not %ld", round,
			       (long)held(slot, privvmpages),
			       (long)true_private(slot));
			EXPECT_EQ(true_locked(slot), held(slot, lockedpages));
		}
	}
	for (i = 0; i < CONTAINERS; i++) {
		/* a request that both copies of the program missed: one at most */
		EXPECT_GE(bound + (preemptible() ? LARGEST : 0),
			  row(self->slot[i], privvmpages).maxheld);
		EXPECT_LT(10, failcnt(self->slot[i], privvmpages));
	}
	EXPECT_CLEAN_AUDIT(0);
}

static void move_one(int slot, pid_t pid, unsigned int *state)
{
	const char *child = text("%s/c%d", path_of(slot), rand_r(state) % 3);

	if (rand_r(state) % 3)
		move_to(pid, slot);
	else if (mkdir(child, 0755) || move_to_path(pid, child))
		rmdir(child);
}

/* 20,000 operations of processes that are moved all the while. */
TEST_F_TIMEOUT(vm_storm, moves, 300)
{
	unsigned int state = time(NULL), refused = 0;
	struct puppet *worker[WORKERS];
	int i;

	TH_LOG("seed %u", state);
	shm->number[0] = 0;
	for (i = 0; i < WORKERS; i++) {
		int slot = self->slot[i % CONTAINERS];

		worker[i] = tenant_in(slot);
		set_bounds(slot, privvmpages, 1500, 1600);
	}
	for (i = 0; i < WORKERS; i++)
		puppet_send_call(worker[i], work, OPERATIONS / WORKERS,
				 state + i, 0);
	while (__atomic_load_n(&shm->number[0], __ATOMIC_SEQ_CST) < WORKERS) {
		move_one(self->slot[rand_r(&state) % CONTAINERS],
			 worker[rand_r(&state) % WORKERS]->pid, &state);
		usleep(2000);
	}
	for (i = 0; i < WORKERS; i++)
		EXPECT_EQ(0, puppet_answer(worker[i]));
	EXPECT_CLEAN_AUDIT(0);
	/* (the child of one who is moved as it forks is never refused) */
	for (i = 0; i < CONTAINERS; i++)
		refused += failcnt(self->slot[i], privvmpages);
	EXPECT_LT(10, refused);
	end_puppets();
	for (i = 0; i < CONTAINERS; i++) {
		EXPECT_HELD(0, self->slot[i], privvmpages);
		EXPECT_HELD(0, self->slot[i], lockedpages);
	}
}

RESCORE_TEST_MAIN(NULL)
