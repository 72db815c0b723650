/* SPDX-License-Identifier: GPL-2.0 */
/* A root file system for containers of the tests, and what they wrote. */
#ifndef CONTAIN_H
#define CONTAIN_H

#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "puppet.h"
#include "rescore_ct.h"

#define ROOT	"/tmp/contain-escape"

FIXTURE(contain){};

static void host_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	(void)!write(fd, text, strlen(text));
	close(fd);
}

FIXTURE_SETUP(contain)
{
	world_begin(_metadata);
	/* the machine's init reaps what a container leaves, as everywhere */
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	mkdir(ROOT, 0755);
	ASSERT_EQ(0, mount("none", ROOT, "tmpfs", 0, "mode=755"));
	mkdir(ROOT "/mnt", 0755);
	mkdir(ROOT "/usr", 0755);
	ASSERT_EQ(0, symlink("usr/lib", ROOT "/lib"));
	ASSERT_EQ(0, symlink("usr/lib64", ROOT "/lib64"));
	ASSERT_EQ(0, symlink("usr/bin", ROOT "/bin"));
	ASSERT_EQ(0, mknod(ROOT "/host-disk", S_IFCHR | 0666, makedev(1, 1)));
	host_file("/host-secret", "secret");
}

FIXTURE_TEARDOWN(contain)
{
	umount2(ROOT, MNT_DETACH);
	unlink("/host-secret");
	world_end(_metadata);
}

static struct rescore_ct *describe(struct __test_metadata *_metadata)
{
	struct rescore_ct *ct;

	ASSERT_EQ(0, rescore_ct_new(&ct));
	ASSERT_EQ(0, rescore_ct_set(ct, "rootfs", ROOT));
	ASSERT_EQ(0, rescore_ct_set(ct, "bind", "/usr:/usr:ro"));
	ASSERT_EQ(0, rescore_ct_set(ct, "bind", "/t:/t:ro"));
	return ct;
}

#endif /* CONTAIN_H */
