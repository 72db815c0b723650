// SPDX-License-Identifier: GPL-2.0
/* What this kernel has: found out by trying, never by its version. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
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

/* A program on getpgid()'s hook that sets the word of @map. */
static int lsm_program(const struct btf *btf, int map)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LD | BPF_DW,	/* and BPF_IMM, which is 0 */
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE,
		  .imm = map },
		{ .imm = 0 },	/* offset in the value */
		{ .code = BPF_ST | BPF_MEM | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .imm = 1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_LSM_MAC);
	int id = btf__find_by_name_kind(btf, "bpf_lsm_task_getpgid",
					BTF_KIND_FUNC);

	if (id < 0)
		return id;
	opts.attach_btf_id = id;
	return bpf_prog_load(BPF_PROG_TYPE_LSM, "rescore_probe", "GPL", insns,
			     ARRAY_SIZE(insns), &opts);
}

/* That they load and attach does not tell: without "bpf" in lsm= none is run. */
bool rescore_lsm_works(const struct btf *btf)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int map, prog = -1, link = -1;
	uint64_t ran = 0;
	uint32_t zero = 0;

	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "rescore_probe", sizeof(zero),
			     sizeof(ran), 1, &opts);
	if (map >= 0)
		prog = lsm_program(btf, map);
	if (prog >= 0)
		link = bpf_raw_tracepoint_open(NULL, prog);
	if (link >= 0) {
		/* getpgid(0) asks no LSM */
		if (getpgid(getpid()) < 0 ||
		    bpf_map_lookup_elem(map, &zero, &ran))
			ran = 0;
		close(link);
	}
	if (prog >= 0)
		close(prog);
	if (map >= 0)
		close(map);
	return ran;
}

static void probe_lsm(struct rescore_feature *feature)
{
	struct btf *btf = btf__load_vmlinux_btf();

	feature->have = btf && rescore_lsm_works(btf);
	btf__free(btf);
	snprintf(feature->detail, sizeof(feature->detail), "%s",
		 feature->have ?
			 "programs on security hooks are never skipped" :
			 "a preemptible kernel may skip programs: boot with bpf in lsm=");
}

bool rescore_preemptible(void)
{
	FILE *file = fopen("/sys/kernel/debug/sched/preempt", "re");
	char line[128] = "";
	struct utsname name;

	/* "none (voluntary) full": the one that holds is in brackets */
	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
	}
	if (line[0])
		return !strstr(line, "(none)") && !strstr(line, "(voluntary)");
	return uname(&name) < 0 || strstr(name.version, "PREEMPT");
}

static void probe_preemption(struct rescore_feature *feature)
{
	feature->have = !rescore_preemptible();
	snprintf(feature->detail, sizeof(feature->detail), "%s",
		 feature->have ?
			 "no program is interrupted by another task" :
			 "programs may be skipped: some are there twice");
}

uint64_t rescore_memory_end(void)
{
	unsigned long long start, end, last = 0;
	FILE *file = fopen("/proc/iomem", "re");
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (strstr(line, ": System RAM") &&
		    sscanf(line, " %llx-%llx", &start, &end) == 2 && end > last)
			last = end;
	fclose(file);
	return last;
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
		{ "BPF LSM", probe_lsm },
		{ "no preemption", probe_preemption },
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
