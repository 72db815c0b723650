// SPDX-License-Identifier: GPL-2.0
/*
 * Upgrades under load: nothing goes uncounted or is counted twice, no refusal is
 * left out, and a loader that is killed on its way leaves enforcement whole.
 */
#include <netinet/in.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include "puppet.h"

#define WORKERS		6
#define FILES		23	/* that the quiet container holds all along */
#define LOCKED		"/tmp/kt-upgrade"

/* shm->number[]: */
enum { STOP, PASSED, TRIED, FAILED };

struct cast {
	int slot, quiet, full;
	struct puppet *worker[WORKERS], *holder, *prober;
};

FIXTURE(upgrade)	/* with few controllers: quick */
{
	struct cast cast;
};

FIXTURE(upgrade_all)	/* with all of them: slow */
{
	struct cast cast;
};

/* Open what must not be had, until told to stop: how often it could. */
static long probe(long a, long b, long c)
{
	int fd;

	setpriority(PRIO_PROCESS, 0, 15);
	while (!shm->number[STOP]) {
		fd = open("/dev/null", O_RDONLY);
		__atomic_fetch_add(&shm->number[TRIED], 1, __ATOMIC_RELAXED);
		if (fd < 0 && errno == ENFILE)
			continue;
		__atomic_fetch_add(&shm->number[PASSED], 1, __ATOMIC_RELAXED);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

static void do_files(void)
{
	int fd[2], file = open(LOCKED, O_RDWR | O_CREAT, 0600);

	if (file >= 0 && !flock(file, LOCK_SH | LOCK_NB))
		flock(file, LOCK_UN);
	if (!pipe(fd)) {
		close(fd[0]);
		close(fd[1]);
	}
	if (file >= 0)
		close(file);
}

static void do_sockets(void)
{
	int tcp = socket(AF_INET, SOCK_STREAM, 0), pair[2];

	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) {
		if (write(pair[0], "x", 1) == 1)
			close(pair[0]);
		else
			close(pair[0]);
		close(pair[1]);
	}
	if (tcp >= 0)
		close(tcp);
}

static void do_memory(void)
{
	void *at = mmap(NULL, 37 * 4096L, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return;
	mprotect(at, 3 * 4096L, PROT_READ);
	munmap(at, 37 * 4096L);
}

/* A segment of each kind: most of the time one is being made, or taken apart. */
static void do_segments(void)
{
	int id = shmget(IPC_PRIVATE, 37 * 4096L, IPC_CREAT | 0600), fd;
	void *at = mmap(NULL, 23 * 4096L, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	if (at != MAP_FAILED)
		munmap(at, 23 * 4096L);
	fd = syscall(SYS_memfd_create, "kt-upgrade", 0);
	if (fd < 0)
		return;
	if (ftruncate(fd, 13 * 4096L) || write(fd, &fd, sizeof(fd)) < 0)
		__atomic_fetch_add(&shm->number[FAILED], 1, __ATOMIC_RELAXED);
	close(fd);
}

static void do_signals(void)
{
	static const struct timespec now;
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	siginfo_t info;
	sigset_t set;
	int timer;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigqueue(getpid(), SIGRTMIN, (union sigval){ 0 });
	if (!syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer))
		syscall(SYS_timer_delete, timer);
	sigtimedwait(&set, &info, &now);
}

static long lock_file(long fd, long how, long c)
{
	return flock(fd, how) ? -errno : 0;
}

static void do_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static long work(long kind, long b, long c)
{
	static void (*const what[])(void) = { do_files,	  do_sockets,
					      do_memory,  do_segments,
					      do_signals, do_fork };
	long n;

	/* they are many, and are to leave the loader most of the CPU */
	setpriority(PRIO_PROCESS, 0, 15);
	for (n = 0; !shm->number[STOP]; n++)
		what[(kind + n) % ARRAY_SIZE(what)]();
	return n;
}

static void enter_stage(struct __test_metadata *_metadata, struct cast *self)
{
	int i;

	world_begin(_metadata);
	memset(shm->number, 0, sizeof(shm->number));
	ASSERT_LT(0, self->slot = make("kt-storm"));
	ASSERT_LT(0, self->quiet = make("kt-quiet"));
	ASSERT_LT(0, self->full = make("kt-full"));
	self->holder = puppet_in(self->quiet);
	strcpy(shm->scratch, "/dev/null");
	EXPECT_EQ(FILES, puppet_do(self->holder, open_many, (long)shm->scratch,
				   FILES, O_RDONLY));
	self->prober = puppet_in(self->full);
	set_bounds(self->full, numfile, 0, 0);
	for (i = 0; i < WORKERS; i++)
		self->worker[i] = puppet_in(self->slot);
}

static void leave_stage(struct __test_metadata *_metadata)
{
	end_puppets();
	world_end(_metadata);
	unlink(LOCKED);
}

FIXTURE_SETUP(upgrade)
{
	enter_stage(_metadata, &self->cast);
}

FIXTURE_TEARDOWN(upgrade)
{
	leave_stage(_metadata);
}

FIXTURE_SETUP(upgrade_all)
{
	/* all that are there: their names are nobody's to list */
	ASSERT_EQ(0, rescore_unload(false));
	ASSERT_EQ(0, rescore_load(NULL))
	{
		TH_LOG("%s", rescore_strerror());
	}
	enter_stage(_metadata, &self->cast);
}

FIXTURE_TEARDOWN(upgrade_all)
{
	leave_stage(_metadata);
}

/* What the quiet container holds is what it held, by the audit too. */
static void expect_quiet(struct __test_metadata *_metadata, int slot)
{
	EXPECT_EQ(FILES, held(slot, numfile));
	EXPECT_EQ(1, held(slot, numproc));
	EXPECT_CLEAN_AUDIT(slot);
}

static void reopen(struct __test_metadata *_metadata)
{
	rescore_close(rs);
	ASSERT_EQ(0, rescore_open(&rs, false));
}

static int number_of(const char *variable, int otherwise)
{
	const char *value = getenv(variable);

	return value ? atoi(value) : otherwise;
}

/* $UPGRADES of them, or as many as begin within $UPGRADE_SECONDS. */
static void storm(struct __test_metadata *_metadata, struct cast *self)
{
	int i, n = number_of("UPGRADES", 20);
	int64_t end = now_ms() + 1000LL * number_of("UPGRADE_SECONDS", 3600);
	uint32_t generation = rescore_meta(rs)->generation;
	uint64_t missed = rescore_meta(rs)->missed_frees;
	uint64_t skipped = skipped_programs(false);

	for (i = 0; i < WORKERS; i++)
		puppet_send_call(self->worker[i], work, i, 0, 0);
	puppet_send_call(self->prober, probe, 0, 0, 0);
	/* where containers have shares of the CPU the others' is no help */
	setpriority(PRIO_PROCESS, 0, -5);
	for (i = 0; i < n && (!i || now_ms() < end); i++) {
		ASSERT_EQ(0, rescore_upgrade(NULL))
		{
			TH_LOG("%d: %s", i, rescore_strerror());
		}
		EXPECT_EQ(generation + i + 1, rescore_meta(rs)->generation);
		expect_quiet(_metadata, self->quiet);
	}
	TH_LOG("%d upgrades", i);
	reopen(_metadata);
	shm->number[STOP] = 1;
	for (i = 0; i < WORKERS; i++)
		EXPECT_LT(0, puppet_answer(self->worker[i]));
	EXPECT_EQ(0, puppet_answer(self->prober));
	EXPECT_EQ(0, shm->number[FAILED]);
	EXPECT_LT(0, shm->number[TRIED]);
	EXPECT_LE(shm->number[TRIED], failcnt(self->full, numfile));
	if (skipped_programs(true) == skipped) {
		EXPECT_EQ(0, shm->number[PASSED]);
		EXPECT_EQ(missed, rescore_meta(rs)->missed_frees);
	}
	for (i = 0; i < WORKERS; i++)
		puppet_end(self->worker[i]);
	for (i = 0; i < (int)rescore_nr_resources(rs); i++) {
		if (rescore_resource(rs, i)->flags & RESCORE_DELEGATED)
			continue;
		EXPECT_EQ(0, settled(self->slot, i, 0))
		{
			TH_LOG("%s", rescore_resource(rs, i)->name);
		}
		EXPECT_EQ(0, row(self->slot, i).underflow);
	}
	EXPECT_CLEAN_AUDIT(0);
	/* and it still counts */
	EXPECT_LE(0, puppet_open(self->holder, "/dev/null", O_RDONLY));
	EXPECT_EQ(FILES + 1, held(self->quiet, numfile));
}

TEST_F_TIMEOUT(upgrade, storm, 900)
{
	storm(_metadata, &self->cast);
}

TEST_F_TIMEOUT(upgrade_all, storm, 1800)
{
	storm(_metadata, &self->cast);
}

/* The loader dies at @step: SIGKILL. */
static int die_at(const char *step)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		setenv("RESCORE_DIE_AT", step, 1);
		rescore_upgrade(NULL);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#define STEPS 11

TEST_F_TIMEOUT(upgrade, killed, 600)
{
	static const char *const steps[STEPS] = {
		"building", "attached", "predecessors", "handover",
		"tables",   "progs",	"links",	"files",
		"removed",  "gone",	"switched",
	};
	unsigned int i;
	int fd;

	for (i = 0; i < STEPS; i++) {
		TH_LOG("%s", steps[i]);
		EXPECT_EQ(SIGKILL, die_at(steps[i]));
		expect_quiet(_metadata, self->cast.quiet);
		fd = puppet_open(self->cast.holder, "/dev/null", O_RDONLY);
		EXPECT_LE(0, fd);
		EXPECT_EQ(FILES + 1, held(self->cast.quiet, numfile));
		EXPECT_EQ(-ENFILE, puppet_open(self->cast.prober, "/dev/null",
					       O_RDONLY));

		/* the last step leaves nothing to do */
		EXPECT_EQ(i < STEPS - 1 ? 0 : -EEXIST, rescore_load(NULL))
		{
			TH_LOG("%s", rescore_strerror());
		}
		EXPECT_EQ(-1, access(RESCORE_PIN_DIR "/next", F_OK));
		EXPECT_NE(RESCORE_HANDOVER, rescore_meta(rs)->generation);
		EXPECT_EQ(0, puppet_close(self->cast.holder, fd));
		expect_quiet(_metadata, self->cast.quiet);
		EXPECT_EQ(-ENFILE, puppet_open(self->cast.prober, "/dev/null",
					       O_RDONLY));
		EXPECT_EQ(-EEXIST, rescore_load(NULL));
	}
	reopen(_metadata);
}

/* A controller goes: its rows are off, others stay; it comes back, and counts. */
TEST_F_TIMEOUT(upgrade, controllers, 120)
{
	const struct rescore_load_opts locks = { .only = "locks" };
	int fd;

	set_bounds(self->cast.quiet, numflock, 7, 11);
	fd = puppet_open(self->cast.holder, LOCKED, O_RDWR | O_CREAT);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, puppet_do(self->cast.holder, lock_file, fd, LOCK_EX, 0));
	EXPECT_EQ(1, held(self->cast.quiet, numflock));

	EXPECT_EQ(-ENOENT, rescore_unload_controllers("locks,nope", NULL));
	ASSERT_EQ(0, rescore_unload_controllers("locks", NULL))
	{
		TH_LOG("%s", rescore_strerror());
	}
	reopen(_metadata);
	EXPECT_EQ(RESCORE_OFF, rescore_resource(rs, numflock)->state);
	EXPECT_EQ(-EOPNOTSUPP, try_bounds(self->cast.quiet, numflock, 1, 1));
	EXPECT_EQ(0, row(self->cast.quiet, numflock).held);
	EXPECT_EQ(FILES + 1, held(self->cast.quiet, numfile));
	EXPECT_EQ(-ENFILE,
		  puppet_open(self->cast.prober, "/dev/null", O_RDONLY));
	/* nobody sees that it is given back */
	EXPECT_EQ(0, puppet_do(self->cast.holder, lock_file, fd, LOCK_UN, 0));

	ASSERT_EQ(0, rescore_load(&locks));
	reopen(_metadata);
	EXPECT_EQ(RESCORE_ON, rescore_resource(rs, numflock)->state);
	EXPECT_EQ(7, row(self->cast.quiet, numflock).barrier);
	EXPECT_EQ(0, puppet_do(self->cast.holder, lock_file, fd, LOCK_EX, 0));
	EXPECT_EQ(1, held(self->cast.quiet, numflock));
	EXPECT_EQ(0, puppet_do(self->cast.holder, lock_file, fd, LOCK_UN, 0));
	EXPECT_EQ(0, held(self->cast.quiet, numflock));
	EXPECT_EQ(0, row(self->cast.quiet, numflock).underflow);
	EXPECT_EQ(-EEXIST, rescore_load(&locks));
	EXPECT_CLEAN_AUDIT(self->cast.quiet);
}

/* --- two at once ---------------------------------------------------------------- */

/* How many wait for a lock that this process holds. */
static int waiters(void)
{
	FILE *file = fopen("/proc/locks", "re");
	char line[256];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, "-> FLOCK") != NULL;
	if (file)
		fclose(file);
	return n;
}

/* Unload @a and @b at the same time: 0 or a negative errno of each. */
static void unload_both(struct __test_metadata *_metadata, const char *a,
			const char *b, int *ret_a, int *ret_b)
{
	const char *const list[2] = { a, b };
	int lock, i, status[2];
	pid_t pid[2];

	lock = open("/sys/fs/bpf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_EQ(0, flock(lock, LOCK_EX));
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			close(lock);	/* or it would wait for itself */
			_exit(-rescore_unload_controllers(list[i], NULL));
		}
	}
	/* as far as each comes without the lock */
	EXPECT_TRUE(within(60000, waiters() == 2));
	close(lock);
	for (i = 0; i < 2; i++) {
		waitpid(pid[i], &status[i], 0);
		ASSERT_TRUE(WIFEXITED(status[i]));
	}
	*ret_a = -WEXITSTATUS(status[0]);
	*ret_b = -WEXITSTATUS(status[1]);
}

static bool is_on(const char *resource)
{
	int id = rescore_find_resource(rs, resource);

	return rescore_resource(rs, id)->state == RESCORE_ON;
}

/* Both go; none comes back because the other began before it was gone. */
TEST_F_TIMEOUT(upgrade, unload_two, 300)
{
	const struct rescore_load_opts both = { .only = "locks,numproc" };
	int a, b;

	unload_both(_metadata, "locks", "numproc", &a, &b);
	EXPECT_EQ(0, a);
	EXPECT_EQ(0, b);
	reopen(_metadata);
	EXPECT_FALSE(is_on("numflock"));
	EXPECT_FALSE(is_on("numproc"));
	EXPECT_TRUE(is_on("numfile"));
	EXPECT_EQ(FILES, held(self->cast.quiet, numfile));

	ASSERT_EQ(0, rescore_load(&both));
	reopen(_metadata);
	EXPECT_TRUE(is_on("numproc"));
	unload_both(_metadata, "locks", "locks", &a, &b);
	EXPECT_EQ(-ENOENT, a + b);
	EXPECT_TRUE(!a || !b);
	reopen(_metadata);
	EXPECT_FALSE(is_on("numflock"));
	EXPECT_TRUE(is_on("numproc"));
	ASSERT_EQ(0, rescore_load(&both));
	reopen(_metadata);
	expect_quiet(_metadata, self->cast.quiet);
}

/* What another version cannot take over is refused, and nothing changes. */
TEST_F(upgrade, refused)
{
	const struct rescore_load_opts size = { .containers = 23 };
	const struct rescore_load_opts nowhere = { .bpf_dir = "/nowhere" };
	struct rescore_meta *meta = (struct rescore_meta *)rescore_meta(rs);

	EXPECT_EQ(-EINVAL, rescore_upgrade(&size));
	EXPECT_EQ(-ENOENT, rescore_upgrade(&nowhere));
	meta->abi++;
	EXPECT_EQ(-EPROTO, rescore_upgrade(NULL));
	EXPECT_NE(NULL, strstr(rescore_strerror(), "unload"));
	EXPECT_EQ(-EPROTO, rescore_load(NULL));
	meta->abi--;
	EXPECT_EQ(-1, access(RESCORE_PIN_DIR "/next", F_OK));
	expect_quiet(_metadata, self->cast.quiet);
	EXPECT_EQ(-ENFILE,
		  puppet_open(self->cast.prober, "/dev/null", O_RDONLY));
}

static const struct rescore_load_opts load_opts = {
	.only = "files,locks,numproc",
};

RESCORE_TEST_MAIN(&load_opts)
