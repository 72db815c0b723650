// SPDX-License-Identifier: GPL-2.0
/*
 * Containers: make, find, attach and destroy them, and who belongs to one.
 */
#include <bpf/bpf.h>

#include "puppet.h"

#define BASE "/sys/fs/cgroup/kt"	/* cgroups that rescore did not make */

FIXTURE(container){};

FIXTURE_SETUP(container)
{
	world_begin(_metadata);
}

static void make_tree(void)
{
	mkdir(BASE, 0755);
	mkdir(BASE "/x", 0755);
	mkdir(BASE "/x/y", 0755);
	mkdir(BASE "/x/y/z", 0755);
	mkdir(BASE "/other", 0755);
}

/* Cgroups recorded for @slot, from the pinned map itself. */
static int count_members(int slot)
{
	size_t n = (size_t)1 << rescore_meta(rs)->members_bits, i;
	int fd = bpf_obj_get(RESCORE_PIN_DIR "/members"), j, found = 0;
	struct rescore_bucket *members;

	members = mmap(NULL, n * sizeof(*members), PROT_READ, MAP_SHARED, fd,
		       0);
	close(fd);
	if (members == MAP_FAILED)
		return -errno;
	for (i = 0; i < n; i++)
		for (j = 0; j < RESCORE_BUCKET_ENTRIES; j++)
			if (members[i].entry[j] != RESCORE_TOMB &&
			    (members[i].entry[j] & 0xffff) == (unsigned)slot)
				found++;
	munmap(members, n * sizeof(*members));
	return found - (slot ? 0 : n * RESCORE_BUCKET_ENTRIES);
}

static int remove_dir(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

FIXTURE_TEARDOWN(container)
{
	end_puppets();
	world_end(_metadata);
	nftw(BASE, remove_dir, 8, FTW_DEPTH | FTW_PHYS);
}

/* A container can be found by its name while it lives, and by nothing after. */
TEST_F(container, create_find_destroy)
{
	int slot = make("kt-a");

	ASSERT_LT(0, slot);
	EXPECT_EQ(slot, rescore_find(rs, "kt-a"));
	EXPECT_STREQ("kt-a", rescore_container(rs, slot)->name);
	EXPECT_EQ(-ENOENT, rescore_find(rs, "kt-b"));
	EXPECT_EQ(-EEXIST, make("kt-a"));
	EXPECT_EQ(0, access("/sys/fs/cgroup/rescore/kt-a", F_OK));

	EXPECT_EQ(0, rescore_destroy(rs, slot, false));
	EXPECT_EQ(-ENOENT, rescore_find(rs, "kt-a"));
	EXPECT_EQ(NULL, rescore_container(rs, slot));
	EXPECT_EQ(-1, access("/sys/fs/cgroup/rescore/kt-a", F_OK));
	EXPECT_EQ(-ENOENT, rescore_destroy(rs, slot, false));
}

/* What is no name is refused with -EINVAL and a reason. */
TEST_F(container, names)
{
	static const char *const bad[] = {
		"",
		".hidden",
		"-option",
		"a/b",
		"a b",
		"ümlaut",
		"0123456789012345678901234567890123456789012345678901234567890123",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, make(bad[i]))
	TH_LOG("name %u", i);
	EXPECT_LT(
		0,
		make("012345678901234567890123456789012345678901234567890123456789012"));
	EXPECT_LT(0, make("kt_A.b:c@d-e"));
}

/* A name that is a number takes the slot of that number, if it is free. */
TEST_F(container, numeric_name)
{
	int other;

	EXPECT_EQ(PRIME, make("23"));
	other = make("023");
	EXPECT_LT(0, other);
	EXPECT_NE(PRIME, other);
	other = make("99999999");
	EXPECT_LT(0, other);
	EXPECT_GT(PRIME, other);
}

/* next walks the live containers in the order of their slots, and no others. */
TEST_F(container, next)
{
	int a = make("7"), b = make("5"), c = make("11"), d = make("8");

	EXPECT_EQ(0, rescore_destroy(rs, d, false));
	EXPECT_EQ(b, rescore_next(rs, 4));
	EXPECT_EQ(a, rescore_next(rs, b));
	EXPECT_EQ(c, rescore_next(rs, a));
	EXPECT_EQ(0, rescore_next(rs, c));
	EXPECT_EQ(0, rescore_next(rs, UINT_MAX - 1));
}

/* A slot that is used again starts from nothing; a serial number never again. */
TEST_F(container, reused_slot)
{
	struct rescore_line line;
	struct puppet *p;
	uint64_t serial;
	int slot;

	ASSERT_EQ(PRIME, slot = make("23"));
	serial = rescore_container(rs, slot)->serial;
	set_bounds(slot, numfile, 3, 5);
	p = puppet_in(slot);
	EXPECT_EQ(3, puppet_do(p, open_many, "/dev/null", PRIME, O_RDONLY));
	puppet_end(p);
	ASSERT_EQ(0, rescore_destroy(rs, slot, false));

	ASSERT_EQ(PRIME, make("23"));
	EXPECT_LT(serial, rescore_container(rs, slot)->serial);
	line = row(slot, numfile);
	EXPECT_EQ(0, line.held);
	EXPECT_EQ(0, line.maxheld);
	EXPECT_EQ(0, line.peak);
	EXPECT_EQ(0, line.failcnt);
	EXPECT_EQ(RESCORE_UNLIMITED, line.barrier);
	EXPECT_EQ(RESCORE_UNLIMITED, line.limit);
}

/* A new child cgroup is in its parent's container, at every depth, until rmdir. */
TEST_F(container, inherit)
{
	char path[PATH_MAX];
	struct puppet *p;
	int slot, i;

	ASSERT_LT(0, slot = make("kt-a"));
	p = puppet_in(slot);
	strcpy(path, path_of(slot));
	for (i = 1; i <= 7; i++) {
		strcat(path, "/child");
		ASSERT_EQ(0, mkdir(path, 0755));
		EXPECT_EQ(1 + i, count_members(slot));
		EXPECT_EQ(0, move_to_path(p->pid, path));
		EXPECT_EQ(slot, rescore_container_of(rs, p->pid));
		EXPECT_LE(0, puppet_open(p, "/dev/null", O_RDONLY));
		EXPECT_EQ(i, held(slot, numfile));
		EXPECT_EQ(1, held(slot, numproc));
	}
	EXPECT_EQ(1, rescore_nr_processes(rs, slot));
	puppet_end(p);
	for (; i > 1; i--) {
		EXPECT_TRUE(eventually(rmdir(path) == 0));
		EXPECT_EQ(i - 1, count_members(slot));
		*strrchr(path, '/') = '\0';
	}
}

/* Many cgroups that come and go leave nothing in the table of members. */
TEST_F(container, members_come_and_go)
{
	const char *path;
	int slot, i, j;

	ASSERT_LT(0, slot = make("kt-a"));
	for (i = 0; i < PRIME; i++) {
		for (j = 0; j < PRIME; j++) {
			path = text("%s/%d", path_of(slot), j);
			ASSERT_EQ(0, mkdir(path, 0755));
		}
		EXPECT_EQ(1 + PRIME, count_members(slot));
		for (j = 0; j < PRIME; j++) {
			path = text("%s/%d", path_of(slot), j);
			ASSERT_EQ(0, rmdir(path));
		}
		EXPECT_EQ(1, count_members(slot));
	}
	EXPECT_EQ(0, rescore_meta(rs)->members_overflow);
}

/* Running tasks of an attached subtree count at once; files they hold do not. */
TEST_F(container, attach_running)
{
	struct puppet *p, *q;
	long child;
	int slot;

	make_tree();
	p = puppet_in(0);
	q = puppet_in(0);
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_LT(0, child = puppet_do(p, fork_idle, 0, 0, 0));
	EXPECT_EQ(0, puppet_do(q, threads_start, 3, 0, 0));
	EXPECT_EQ(0, move_to_path(p->pid, BASE "/x"));
	EXPECT_EQ(0, move_to_path(child, BASE "/x/y/z"));
	EXPECT_EQ(0, move_to_path(q->pid, BASE "/x/y"));

	ASSERT_LT(0, slot = make_at("kt-a", BASE "/x"));
	EXPECT_EQ(1 + 1 + 4, held(slot, numproc));
	EXPECT_EQ(3, rescore_nr_processes(rs, slot));
	EXPECT_EQ(0, held(slot, numfile));
	EXPECT_EQ(slot, rescore_container_of(rs, child));
	EXPECT_EQ(PUPPET_FD + 1, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(1, held(slot, numfile));
	EXPECT_EQ(0, puppet_close(p, PUPPET_FD));
	EXPECT_EQ(0, puppet_close(p, PUPPET_FD + 1));
	EXPECT_HELD(0, slot, numfile);
	EXPECT_CLEAN_AUDIT(slot);

	/* an attached cgroup stays, and is the host's again */
	puppet_end(p);
	puppet_end(q);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_EQ(0, rescore_destroy(rs, slot, false));
	EXPECT_EQ(0, access(BASE "/x/y/z", F_OK));
	EXPECT_EQ(0, count_members(slot));
}

/* What is detached runs on, is the host's, and pays only for what it opened. */
TEST_F(container, detach)
{
	struct puppet *p;
	int slot;

	make_tree();
	p = puppet_in(0);
	EXPECT_EQ(0, move_to_path(p->pid, BASE "/x/y"));
	ASSERT_LT(0, slot = make("kt-a"));
	EXPECT_EQ(-ENOENT, rescore_detach(rs, slot, BASE "/x"));
	ASSERT_EQ(0, rescore_attach(rs, slot, BASE "/x"));
	EXPECT_EQ(0, puppet_do(p, threads_start, 3, 0, 0));
	EXPECT_EQ(4, held(slot, numproc));
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));

	EXPECT_EQ(-ENOENT, rescore_detach(rs, slot, BASE "/x/y"));
	EXPECT_EQ(-ENOENT, rescore_detach(rs, slot, BASE "/none"));
	EXPECT_EQ(-ENOENT, rescore_detach(rs, 999, BASE "/x"));
	EXPECT_EQ(-EINVAL, rescore_detach(rs, slot, path_of(slot)));
	EXPECT_EQ(4, held(slot, numproc));

	EXPECT_EQ(0, rescore_detach(rs, slot, BASE "/x"));
	EXPECT_EQ(0, held(slot, numproc));
	EXPECT_EQ(1, count_members(slot));
	EXPECT_EQ(1, held(slot, numfile));
	EXPECT_EQ(0, rescore_container_of(rs, p->pid));
	EXPECT_EQ(PUPPET_FD + 1, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(1, held(slot, numfile));
	EXPECT_EQ(0, puppet_close(p, PUPPET_FD));
	EXPECT_HELD(0, slot, numfile);
	EXPECT_EQ(0, rescore_attach(rs, slot, BASE "/x"));
	EXPECT_EQ(4, held(slot, numproc));
	EXPECT_EQ(0, rescore_detach(rs, slot, BASE "/x"));
	puppet_end(p);
}

/* Attaching while tasks fork and exit misses none and counts none twice. */
TEST_F(container, attach_storm)
{
	struct puppet *p[4];
	int slot, i, n;

	make_tree();
	for (i = 0; i < 4; i++) {
		p[i] = puppet_in(0);
		EXPECT_EQ(0, move_to_path(p[i]->pid,
					  i & 1 ? BASE "/x" : BASE "/x/y"));
	}
	for (n = 0; n < 5; n++) {
		shm->number[0] = 0;
		for (i = 0; i < 4; i++)
			puppet_send_call(p[i], fork_storm, 0, 0, 0);
		(void)eventually(shm->number[1] >= 8 * (n + 1));
		ASSERT_LT(0, slot = make_at("kt-a", BASE "/x"));
		shm->number[0] = 1;
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0, puppet_answer(p[i]));
		EXPECT_HELD(4, slot, numproc);
		EXPECT_EQ(0, row(slot, numproc).underflow);
		EXPECT_CLEAN_AUDIT(slot);
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0, move_to(p[i]->pid, 0));
		EXPECT_EQ(0, rescore_destroy(rs, slot, false));
		for (i = 0; i < 4; i++)
			EXPECT_EQ(0, move_to_path(p[i]->pid, BASE "/x"));
	}
}

/* A second root counts in the same row; each is found by its number. */
TEST_F(container, attach_second_root)
{
	char path[PATH_MAX];
	struct puppet *p;
	int slot;

	make_tree();
	ASSERT_LT(0, slot = make("kt-a"));
	p = puppet_in(0);
	EXPECT_EQ(0, move_to_path(p->pid, BASE "/x/y"));
	EXPECT_EQ(0, held(slot, numproc));
	EXPECT_EQ(0, rescore_attach(rs, slot, "kt/x"));
	EXPECT_EQ(1, held(slot, numproc));
	EXPECT_EQ(2, rescore_container(rs, slot)->nr_roots);
	EXPECT_EQ(0, rescore_cgroup_path(rs, slot, 1, path, sizeof(path)));
	EXPECT_STREQ(BASE "/x", path);
	EXPECT_EQ(-ENOENT,
		  rescore_cgroup_path(rs, slot, 2, path, sizeof(path)));
	EXPECT_EQ(1, rescore_nr_processes(rs, slot));
}

/* What belongs to a container cannot be attached to another, nor the host. */
TEST_F(container, attach_refused)
{
	int a, b, members;

	make_tree();
	ASSERT_LT(0, a = make_at("kt-a", BASE "/x/y"));
	ASSERT_LT(0, b = make("kt-b"));
	members = count_members(b);

	EXPECT_EQ(-EBUSY, rescore_attach(rs, b, BASE "/x/y"));
	EXPECT_EQ(-EBUSY, rescore_attach(rs, b, BASE "/x/y/z"));
	EXPECT_EQ(-EBUSY, rescore_attach(rs, b, BASE "/x"));
	EXPECT_EQ(-EBUSY, rescore_attach(rs, b, BASE));
	EXPECT_EQ(-EBUSY, rescore_attach(rs, a, BASE "/x/y"));
	EXPECT_EQ(-EBUSY, rescore_attach(rs, a, BASE "/x/y/z"));
	EXPECT_EQ(-EINVAL, rescore_attach(rs, b, "/sys/fs/cgroup"));
	EXPECT_EQ(-EINVAL, rescore_attach(rs, b, "/"));
	EXPECT_EQ(-EINVAL, rescore_attach(rs, b, ""));
	EXPECT_EQ(-ENOENT, rescore_attach(rs, b, BASE "/none"));
	EXPECT_EQ(-ENOENT, rescore_attach(rs, 999, BASE "/other"));

	EXPECT_EQ(1, rescore_container(rs, b)->nr_roots);
	EXPECT_EQ(members, count_members(b));
	EXPECT_EQ(2, count_members(a));

	EXPECT_EQ(-EBUSY, make_at("kt-c", BASE "/x"));
	EXPECT_EQ(-ENOENT, make_at("kt-c", BASE "/none"));
	EXPECT_EQ(-EINVAL, make_at("kt-c", "/"));
	EXPECT_EQ(-ENOENT, rescore_find(rs, "kt-c"));
}

/* A container has room for RESCORE_ROOTS_MAX cgroups; one more is refused. */
TEST_F(container, attach_too_many)
{
	const char *path;
	int slot, i;

	mkdir(BASE, 0755);
	ASSERT_LT(0, slot = make("kt-a"));
	for (i = 1; i <= RESCORE_ROOTS_MAX; i++) {
		path = text(BASE "/%d", i);
		ASSERT_EQ(0, mkdir(path, 0755));
		EXPECT_EQ(i < RESCORE_ROOTS_MAX ? 0 : -ENOSPC,
			  rescore_attach(rs, slot, path));
	}
	EXPECT_EQ(RESCORE_ROOTS_MAX, count_members(slot));
}

/* A container whose cgroup was removed behind its back can be destroyed. */
TEST_F(container, root_removed)
{
	char path[PATH_MAX];
	int slot;

	ASSERT_LT(0, slot = make("kt-a"));
	EXPECT_EQ(0, rmdir(path_of(slot)));
	EXPECT_EQ(0, count_members(slot));
	EXPECT_EQ(-ENOENT,
		  rescore_cgroup_path(rs, slot, 0, path, sizeof(path)));
	EXPECT_EQ(0, rescore_nr_processes(rs, slot));
	EXPECT_EQ(0, rescore_kill(rs, slot, SIGKILL));
	EXPECT_EQ(0, rescore_destroy(rs, slot, false));
}

static void *reap_all(void *arg)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
	return arg;
}

/* A container with processes is not destroyed, unless by force. */
TEST_F(container, destroy_busy)
{
	pthread_t reaper;
	struct puppet *p;
	int slot;

	ASSERT_LT(0, slot = make("kt-a"));
	p = puppet_in(slot);
	set_bounds(slot, numfile, 0, 0);
	EXPECT_EQ(-EBUSY, rescore_destroy(rs, slot, false));
	EXPECT_EQ(slot, rescore_find(rs, "kt-a"));
	EXPECT_EQ(-ENFILE, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(1, held(slot, numproc));

	/* killed, but counted until somebody reaps: here */
	EXPECT_LT(0, puppet_do(p, fork_idle, 0, 0, 0));
	ASSERT_EQ(0, pthread_create(&reaper, NULL, reap_all, NULL));
	EXPECT_EQ(0, rescore_destroy(rs, slot, true));
	EXPECT_EQ(-ENOENT, rescore_find(rs, "kt-a"));
	pthread_join(reaper, NULL);
	EXPECT_EQ(-ENOTCONN, puppet_answer(p));
	puppet_forget(p);
}

/*
 * A file that was passed out keeps the slot of its payer: not destroyed without
 * force, and with it not used again until the file is closed.
 */
TEST_F(container, destroy_while_file_is_out)
{
	struct puppet *p, *q;
	int a, b, other;

	ASSERT_EQ(PRIME, a = make("23"));
	ASSERT_LT(0, b = make("kt-b"));
	p = puppet_in(a);
	q = puppet_in(b);
	EXPECT_EQ(PUPPET_FD, puppet_open(p, "/dev/null", O_RDONLY));
	EXPECT_EQ(0, puppet_do(p, pass_fd, PUPPET_FD, 0, 0));
	EXPECT_LE(0, puppet_do(q, take_fd, 0, 0, 0));
	puppet_end(p);
	EXPECT_HELD(1, a, numfile);
	EXPECT_HELD(0, a, numproc);
	EXPECT_EQ(0, held(b, numfile));
	EXPECT_CLEAN_AUDIT(0);

	EXPECT_EQ(-EBUSY, rescore_destroy(rs, a, false));
	EXPECT_EQ(a, rescore_find(rs, "23"));
	EXPECT_EQ(0, rescore_destroy(rs, a, true));
	EXPECT_EQ(-ENOENT, rescore_find(rs, "23"));
	EXPECT_EQ(NULL, rescore_container(rs, a));
	other = rescore_create(rs, "23", NULL);
	EXPECT_LT(0, other);
	EXPECT_NE(a, other);
	EXPECT_EQ(0, held(other, numfile));
	EXPECT_EQ(0, rescore_destroy(rs, other, false));

	puppet_end(q);
	EXPECT_TRUE(eventually(({
		other = rescore_create(rs, "23", NULL);
		rescore_destroy(rs, other, false);
		other == a;
	})));
}

/* kill sends to every process of every cgroup, and says how many there were. */
TEST_F(container, kill)
{
	struct puppet *p, *q;
	const char *path;
	int slot, status;

	ASSERT_LT(0, slot = make("kt-a"));
	EXPECT_EQ(0, rescore_kill(rs, slot, SIGTERM));
	EXPECT_EQ(-EINVAL, rescore_kill(rs, slot, 0));
	EXPECT_EQ(-EINVAL, rescore_kill(rs, slot, 999));
	p = puppet_in(slot);
	q = puppet_in(slot);
	path = text("%s/child", path_of(slot));
	EXPECT_EQ(0, mkdir(path, 0755));
	EXPECT_EQ(0, move_to_path(q->pid, path));
	EXPECT_EQ(2, rescore_kill(rs, slot, SIGTERM));
	EXPECT_EQ(p->pid, waitpid(p->pid, &status, 0));
	EXPECT_EQ(SIGTERM, WTERMSIG(status));
	EXPECT_EQ(q->pid, waitpid(q->pid, &status, 0));
	EXPECT_EQ(SIGTERM, WTERMSIG(status));
	puppet_forget(p);
	puppet_forget(q);
	EXPECT_EQ(0, rescore_nr_processes(rs, slot));
}

/* A second load is refused, and an unload while there are containers. */
TEST_F(container, load_and_unload_refused)
{
	struct puppet *p;
	int slot;

	EXPECT_EQ(-EEXIST, rescore_load(NULL));
	ASSERT_LT(0, slot = make("kt-a"));
	EXPECT_EQ(-EBUSY, rescore_unload(false));
	set_bounds(slot, numfile, 1, 1);
	p = puppet_in(slot);
	EXPECT_EQ(1, puppet_do(p, open_many, "/dev/null", 3, O_RDONLY));
}

RESCORE_TEST_MAIN(NULL)
