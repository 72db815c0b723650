// SPDX-License-Identifier: GPL-2.0
/*
 * What no program on these hooks can cost less than: empty programs in the
 * place of those that are loaded now.
 *
 *   floor record FILE              note where programs are attached
 *   floor attach FILE COMMAND...   attach an empty one in each of these places,
 *                                  and run COMMAND meanwhile
 */
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where a program is attached; a line of FILE. */
struct place {
	uint32_t prog_type;
	uint32_t attach_type;
	uint32_t btf_id;	/* of the function or tracepoint */
	uint32_t btf_obj_id;	/* of the module; 0: not known */
	uint32_t link_type;
	char function[64];	/* of a kprobe; "-": it is none */
};

/* bpf_link_info of a kprobe, since Linux 6.6; Debian 12's header is older. */
struct kprobe_info {
	uint32_t type, id, prog_id, unused;
	uint32_t kind, unused_too;
	uint64_t function;	/* where to write its name */
	uint32_t size, offset;
	uint64_t address, missed;
};

static void name_kprobe(int link_fd, struct place *place)
{
	struct kprobe_info info = {
		.function = (uintptr_t)place->function,
		.size = sizeof(place->function),
	};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(link_fd, (void *)&info, &size))
		err(1, "the function of a kprobe");
}

static int place_of(uint32_t link_id, struct place *ret)
{
	struct bpf_link_info link = {};
	struct bpf_prog_info prog = {};
	uint32_t size = sizeof(link);
	int link_fd, prog_fd;

	link_fd = bpf_link_get_fd_by_id(link_id);
	if (link_fd < 0 || bpf_obj_get_info_by_fd(link_fd, &link, &size))
		return -1;
	size = sizeof(prog);
	prog_fd = bpf_prog_get_fd_by_id(link.prog_id);
	if (prog_fd < 0 || bpf_obj_get_info_by_fd(prog_fd, &prog, &size))
		return -1;
	*ret = (struct place){
		.prog_type = prog.type,
		.btf_id = prog.attach_btf_id,
		.btf_obj_id = prog.attach_btf_obj_id,
		.link_type = link.type,
		.function = "-",
	};
	if (link.type == BPF_LINK_TYPE_TRACING)
		ret->attach_type = link.tracing.attach_type;
	else if (link.type == BPF_LINK_TYPE_RAW_TRACEPOINT)
		ret->attach_type = BPF_TRACE_RAW_TP;
	else if (link.type == BPF_LINK_TYPE_CGROUP)
		ret->attach_type = link.cgroup.attach_type;
	else if (link.type == BPF_LINK_TYPE_PERF_EVENT)
		name_kprobe(link_fd, ret);
	close(link_fd);
	close(prog_fd);
	return 0;
}

static void record(const char *path)
{
	FILE *file = fopen(path, "w");
	uint32_t id = 0;

	if (!file)
		err(1, "%s", path);
	while (!bpf_link_get_next_id(id, &id)) {
		struct place p;

		if (place_of(id, &p))
			err(1, "link %u", id);
		/* What runs only when it is asked for costs an operation nothing. */
		if (p.link_type == BPF_LINK_TYPE_ITER)
			continue;
		fprintf(file, "%u %u %u %u %u %s\n", p.prog_type, p.attach_type,
			p.btf_id, p.btf_obj_id, p.link_type, p.function);
	}
	if (fclose(file))
		err(1, "%s", path);
}

/* In cgroups 1 lets things pass; in the others 0 does. */
static int empty_program(const struct place *p)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = BPF_REG_0,
		  .imm = p->link_type == BPF_LINK_TYPE_CGROUP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = p->attach_type,
		    .attach_btf_id = p->btf_id);
	int fd, module;

	fd = bpf_prog_load(p->prog_type, "empty", "GPL", insns, 2, &opts);
	if (fd >= 0 || !p->btf_obj_id)
		return fd;
	/* A function of a module. */
	module = bpf_btf_get_fd_by_id(p->btf_obj_id);
	opts.attach_btf_obj_fd = (uint32_t)module;
	fd = bpf_prog_load(p->prog_type, "empty", "GPL", insns, 2, &opts);
	close(module);
	return fd;
}

static int attach_kprobe(int prog_fd, const char *function)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config1 = (uintptr_t)function,
	};
	FILE *file = fopen("/sys/bus/event_source/devices/kprobe/type", "r");
	int event = -1;

	if (file && fscanf(file, "%u", &attr.type) == 1)
		event = syscall(SYS_perf_event_open, &attr, -1, 0, -1,
				PERF_FLAG_FD_CLOEXEC);
	if (file)
		fclose(file);
	return event < 0 ?
		       -1 :
		       bpf_link_create(prog_fd, event, BPF_PERF_EVENT, NULL);
}

static int attach(const struct place *p)
{
	int fd = empty_program(p), root;

	if (fd < 0)
		return fd;
	if (p->link_type == BPF_LINK_TYPE_PERF_EVENT)
		return attach_kprobe(fd, p->function);
	if (p->link_type != BPF_LINK_TYPE_CGROUP)
		return bpf_raw_tracepoint_open(NULL, fd);
	root = open("/sys/fs/cgroup", O_RDONLY | O_CLOEXEC);
	return bpf_link_create(fd, root, p->attach_type, NULL);
}

static void attach_all(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned int attached = 0;
	struct place p;

	if (!file)
		err(1, "%s", path);
	while (fscanf(file, "%u %u %u %u %u %63s", &p.prog_type, &p.attach_type,
		      &p.btf_id, &p.btf_obj_id, &p.link_type,
		      p.function) == 6) {
		if (attach(&p) < 0)
			err(1, "type %u, attach type %u, BTF id %u, kprobe %s",
			    p.prog_type, p.attach_type, p.btf_id, p.function);
		attached++;
	}
	fclose(file);
	if (!attached)
		errx(1, "%s: nothing was attached", path);
	fprintf(stderr, "floor: %u empty programs\n", attached);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc == 3 && !strcmp(argv[1], "record")) {
		record(argv[2]);
		return 0;
	}
	if (argc < 4 || strcmp(argv[1], "attach"))
		errx(2, "usage: floor record FILE | attach FILE COMMAND...");
	attach_all(argv[2]);
	/* The links are ours, and go with us. */
	pid = fork();
	if (!pid) {
		execvp(argv[3], argv + 3);
		err(127, "%s", argv[3]);
	}
	if (waitpid(pid, &status, 0) != pid)
		err(1, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
