// SPDX-License-Identifier: GPL-2.0
/* What this kernel has: found out by trying, never by its version. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"

#define BPF_FS_MAGIC	0xcafe4a11	/* linux/magic.h */

static void probe_kernel(struct rescore_feature *feature)
{
	struct utsname name;

	feature->have = uname(&name) == 0;
	if (feature->have)
		snprintf(feature->detail, sizeof(feature->detail), "%s",
			 name.release);
}

static void probe_root(struct rescore_feature *feature)
{
	feature->have = geteuid() == 0;
	if (!feature->have)
		snprintf(feature->detail, sizeof(feature->detail),
			 "run this as root");
}

static void probe_btf(struct rescore_feature *feature)
{
	feature->have = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	snprintf(feature->detail, sizeof(feature->detail), "%s",
		 feature->have ? "/sys/kernel/btf/vmlinux" :
				 "the kernel needs CONFIG_DEBUG_INFO_BTF");
}

static void probe_cgroup(struct rescore_feature *feature)
{
	const char *mount = rescore_cgroup_mount();

	feature->have = mount;
	snprintf(feature->detail, sizeof(feature->detail), "%s",
		 mount ?: "mount -t cgroup2 none /sys/fs/cgroup");
}

static void probe_bpffs(struct rescore_feature *feature)
{
	struct statfs fs;

	feature->have = statfs(BPFFS_DIR, &fs) == 0 &&
			(unsigned long)fs.f_type == BPF_FS_MAGIC;
	snprintf(feature->detail, sizeof(feature->detail), "%s",
		 feature->have ? BPFFS_DIR : "`rlimitctl load` mounts it");
}

/* It forbids BPF to read kernel memory, which every hook of ours does. */
bool rescore_locked_down(void)
{
	char line[128] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");

	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	return strstr(line, "[confidentiality]");
}

static void probe_tracing(struct rescore_feature *feature)
{
	int ret;

	if (rescore_locked_down()) {
		snprintf(feature->detail, sizeof(feature->detail),
			 "kernel lockdown (confidentiality) forbids it");
		return;
	}
	libbpf_set_print(NULL);
	ret = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_TRACING, NULL);
	feature->have = ret == 1;
	if (!feature->have)
		snprintf(feature->detail, sizeof(feature->detail), "%s",
			 ret == -EPERM || geteuid() != 0 ?
				 "not permitted" :
				 "the kernel needs CONFIG_BPF_EVENTS and CONFIG_FTRACE, and no lockdown");
}

int rescore_probe(void (*report)(const struct rescore_feature *feature,
				 void *arg),
		  void *arg)
{
	static const struct {
		const char *name;
		void (*probe)(struct rescore_feature *feature);
	} probes[] = {
		{ "kernel", probe_kernel },
		{ "root", probe_root },
		{ "kernel BTF", probe_btf },
		{ "cgroup v2", probe_cgroup },
		{ "BPF file system", probe_bpffs },
		{ "BPF tracing", probe_tracing },
	};
	struct rescore_feature feature;
	int missing = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		feature = (struct rescore_feature){ .name = probes[i].name };
		probes[i].probe(&feature);
		missing += !feature.have;
		report(&feature, arg);
	}
	return missing;
}
