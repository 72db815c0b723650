/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all kernel selftests share: load rescore, make containers, look at
 * their rows, and prove at the end of each test that nothing is left.
 *
 * A test holds no container back: world_end() kills what runs in them, waits
 * until every held is 0 (objects freed after an RCU grace period are late, so
 * it polls, and never for longer than LATE_MS), audits and destroys them.
 *
 * Nothing here waits for a fixed time. Processes meet at pipes (puppet.h).
 */
#ifndef RESCORE_TEST_H
#define RESCORE_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <kselftest_harness.h>
#include <librescore.h>

/* Seconds: software emulation on a busy machine is slow, a hang is for ever. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 150

#define LATE_MS		15000	/* the longest wait for a late free */
#define MADE_MAX	256
#define SCRATCH_SIZE	(1 << 16)

/* A prime: a count that is right by accident is rarely this one. */
#define PRIME		23

static struct rescore *rs;	/* open from world_begin() to world_end() */
static int numproc, numfile, numpty, numflock;	/* resource ids */

/* Seen by the test and by all that it forks. */
static struct shared {
	unsigned int nr_made;
	struct {
		unsigned int slot;
		uint64_t serial;
	} made[MADE_MAX];		/* containers that must go at the end */
	uint64_t missed_frees;		/* as they stood when the test began */
	uint64_t payers_lost;
	uint64_t members_lost;
	uint64_t skipped;
	int pass[2];			/* sockets that puppets inherit */
	pthread_barrier_t barrier;
	int64_t number[64];		/* for a test's own use */
	char scratch[SCRATCH_SIZE];	/* arguments for puppets */
} *shm;

/* --- time ------------------------------------------------------------------ */

static inline int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Evaluates to whether @condition became true within LATE_MS. */
#define eventually(condition) within(LATE_MS, condition)

#define within(ms, condition)						\
({									\
	int64_t __end = now_ms() + (ms);				\
	bool __met;							\
									\
	while (!(__met = (condition)) && now_ms() < __end)		\
		usleep(500);						\
	__met;								\
})

/* --- rows ------------------------------------------------------------------ */

static inline struct rescore_line row(int slot, int id)
{
	struct rescore_line line = { .held = -1 };

	rescore_read(rs, slot, id, &line);
	return line;
}

static inline int64_t held(int slot, int id)
{
	return row(slot, id).held;
}

static inline uint64_t failcnt(int slot, int id)
{
	return row(slot, id).failcnt;
}

/* What held has become: @want, or something else that lasted LATE_MS. */
static inline int64_t settled(int slot, int id, int64_t want)
{
	(void)eventually(held(slot, id) == want);
	return held(slot, id);
}

#define EXPECT_HELD(want, slot, id) \
	EXPECT_EQ((int64_t)(want), settled(slot, id, want))
#define ASSERT_HELD(want, slot, id) \
	ASSERT_EQ((int64_t)(want), settled(slot, id, want))

#define set_bounds(slot, id, barrier, limit) \
	ASSERT_EQ(0, try_bounds(slot, id, barrier, limit)) \
		TH_LOG("rescore_set: %s", rescore_strerror())

static inline int try_bounds(int slot, int id, int64_t barrier, int64_t limit)
{
	struct rescore_bounds bounds = { id, barrier, limit };

	return rescore_set(rs, slot, &bounds, 1);
}

/* --- containers -------------------------------------------------------------- */

/* Make a container that the end of the test removes. Its slot or -errno. */
static inline int make_below(const char *name, const char *cgroup, int parent)
{
	int slot = rescore_create_below(rs, name, cgroup, parent);

	if (slot > 0 && shm->nr_made < MADE_MAX) {
		shm->made[shm->nr_made].slot = slot;
		shm->made[shm->nr_made++].serial =
			rescore_container(rs, slot)->serial;
	}
	return slot;
}

static inline int make_at(const char *name, const char *cgroup)
{
	return make_below(name, cgroup, 0);
}

static inline int make(const char *name)
{
	return make_at(name, NULL);
}

/* Is made[i] still that container? */
static inline bool still_there(unsigned int i)
{
	const struct rescore_container *container;

	container = rescore_container(rs, shm->made[i].slot);
	return container && container->serial == shm->made[i].serial;
}

/* Printed into one of a few buffers that take turns. */
__attribute__((format(printf, 1, 2))) static inline const char *
text(const char *format, ...)
{
	static char buffers[8][PATH_MAX];
	static unsigned int turn;
	char *buffer = buffers[turn++ % 8];
	va_list args;

	va_start(args, format);
	vsnprintf(buffer, PATH_MAX, format, args);
	va_end(args);
	return buffer;
}

static inline int write_file(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, what, strlen(what)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Move process @pid to the cgroup at @path. */
static inline int move_to_path(pid_t pid, const char *path)
{
	return write_file(text("%s/cgroup.procs", path), text("%d", pid));
}

/* The cgroup of container @slot; for 0 the one that the test itself is in. */
static inline const char *path_of(int slot)
{
	static char path[PATH_MAX];

	if (!slot)
		return "/sys/fs/cgroup";
	if (rescore_cgroup_path(rs, slot, 0, path, sizeof(path)))
		return "";
	return path;
}

static inline int move_to(pid_t pid, int slot)
{
	return move_to_path(pid, path_of(slot));
}

/* @n processes will begin together, at shm->barrier. */
static inline void barrier_for(unsigned int n)
{
	pthread_barrierattr_t attr;

	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shm->barrier, &attr, n);
}

/* --- audit --------------------------------------------------------------------- */

static inline void report_audit(const struct rescore_audit_row *row,
				bool differs, void *arg)
{
	if (differs)
		fprintf(stderr,
			"# audit: slot %u %s: held %" PRId64 ", not %" PRId64
			"..%" PRId64 ": %s\n",
			row->slot,
			rescore_resource(rs, row->id) ?
				rescore_resource(rs, row->id)->name :
				"?",
			row->held, row->low, row->high, row->how);
}

/* How many rows of @slot (0: of all) are wrong; each is printed. */
static inline int audit(int slot)
{
	return rescore_audit(rs, slot, report_audit, NULL);
}

#define EXPECT_CLEAN_AUDIT(slot) EXPECT_EQ(0, audit(slot))

/* May the kernel be preempted inside a program, and skip the next one's run? */
static inline bool preemptible(void)
{
	return access("/sys/kernel/realtime", F_OK) == 0;
}

/*
 * Interrupts free sockets as well: without BPF LSM there are two programs that do
 * it. And what counts buffers is made good by the next of its runs.
 */
static inline bool may_be_skipped(const char *program)
{
	return !strncmp(program, "sockets__free", strlen("sockets__free")) ||
	       strstr(program, "buf_");
}

/*
 * How often the kernel went past a program of ours, because it was running on
 * that CPU already. Where that can happen it must do no harm.
 */
static inline uint64_t skipped_programs(bool say)
{
	struct bpf_prog_info info;
	uint32_t id = 0, size;
	uint64_t all = 0;
	int fd;

	while (!bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    strstr(info.name, "__") && !may_be_skipped(info.name)) {
			all += info.recursion_misses;
			if (say && info.recursion_misses)
				fprintf(stderr, "# %s skipped: %llu\n",
					info.name,
					(unsigned long long)
						info.recursion_misses);
		}
		close(fd);
	}
	return all;
}

/* --- the begin and end of every test ------------------------------------------- */

/* What a test that timed out has left. */
static inline void remove_leftovers(void)
{
	unsigned int i;

	for (i = shm->nr_made; i-- > 0;)
		if (still_there(i))
			rescore_destroy(rs, shm->made[i].slot, true);
	shm->nr_made = 0;
}

static inline void world_begin(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, rescore_open(&rs, false))
	TH_LOG("rescore_open: %s", rescore_strerror());
	remove_leftovers();
	shm->missed_frees = rescore_meta(rs)->missed_frees;
	shm->payers_lost = rescore_meta(rs)->payers_lost;
	shm->members_lost = rescore_meta(rs)->members_lost;
	shm->skipped = skipped_programs(false);
	numproc = rescore_find_resource(rs, "numproc");
	numfile = rescore_find_resource(rs, "numfile");
	numpty = rescore_find_resource(rs, "numpty");
	numflock = rescore_find_resource(rs, "numflock");
	/* orphans come to us, to be reaped */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static inline void end_container(struct __test_metadata *_metadata, int slot)
{
	unsigned int id;

	for (id = 0; id < rescore_nr_resources(rs); id++) {
		/* these are the kernel's: page cache stays, CPU time was used */
		if (rescore_resource(rs, id)->flags & RESCORE_DELEGATED)
			continue;
		EXPECT_HELD(0, slot, id)
		TH_LOG("%s of \"%s\" at the end",
		       rescore_resource(rs, id)->name,
		       rescore_container(rs, slot)->name);
		EXPECT_EQ(0, row(slot, id).underflow)
		TH_LOG("%s", rescore_resource(rs, id)->name);
	}
}

static inline void world_end(struct __test_metadata *_metadata)
{
	const struct rescore_meta *meta = rescore_meta(rs);
	unsigned int i;

	for (i = 0; i < shm->nr_made; i++)
		if (still_there(i))
			rescore_kill(rs, shm->made[i].slot, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	for (i = 0; i < shm->nr_made; i++)
		if (still_there(i))
			end_container(_metadata, shm->made[i].slot);
	EXPECT_CLEAN_AUDIT(0);
	/* those below others were made after them */
	for (i = shm->nr_made; i-- > 0;)
		if (still_there(i))
			EXPECT_EQ(0,
				  rescore_destroy(rs, shm->made[i].slot, false))
	TH_LOG("%s", rescore_strerror());
	EXPECT_EQ(shm->missed_frees, meta->missed_frees);
	EXPECT_EQ(shm->payers_lost, meta->payers_lost);
	EXPECT_EQ(shm->members_lost, meta->members_lost);
	EXPECT_EQ(0, meta->pty_credits);
	EXPECT_EQ(0, meta->admins);
	if (!preemptible())
		EXPECT_GE(shm->skipped, skipped_programs(false))
	skipped_programs(true);
	rescore_close(rs);
	rs = NULL;
}

/* --- main ------------------------------------------------------------------------ */

static inline void share(void)
{
	shm = mmap(NULL, sizeof(*shm), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shm == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, shm->pass))
		ksft_exit_fail_perror("socketpair");
}

/*
 * Load with @opts unless it is loaded, run the tests, unload. Nothing that the
 * tests made may be left by then, or the unload fails, and with it this.
 */
static inline int run_tests(int argc, char **argv,
			    const struct rescore_load_opts *opts)
{
	int err, status = 0;
	pid_t child;

	share();
	if (argc > 1 && (!strcmp(argv[1], "-l") || !strcmp(argv[1], "-h")))
		return test_harness_run(argc, argv);
	if (geteuid())
		ksft_exit_skip("needs root\n");
	err = rescore_load(opts);
	if (err == -EOPNOTSUPP || err == -EPERM)
		ksft_exit_skip("%s\n", rescore_strerror());
	if (err == -EEXIST && opts)
		ksft_exit_skip(
			"is loaded already, without the options of this test\n");
	if (err && err != -EEXIST)
		ksft_exit_fail_msg("rescore_load: %s\n", rescore_strerror());

	fflush(NULL);
	child = fork();
	if (!child)
		exit(test_harness_run(argc, argv));
	waitpid(child, &status, 0);
	if (!err && rescore_unload(false)) {
		printf("Bail out! rescore_unload: %s\n", rescore_strerror());
		rescore_unload(true);
		return KSFT_FAIL;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : KSFT_FAIL;
}

#define RESCORE_TEST_MAIN(opts)				\
	int main(int argc, char **argv)			\
	{						\
		return run_tests(argc, argv, opts);	\
	}

#endif /* RESCORE_TEST_H */
