// SPDX-License-Identifier: GPL-2.0
/*
 * Modules of the kernel. A controller may have its programs on functions of one,
 * and says so as data (section .rodata.modules of its object): the module is loaded
 * then, since the kernel would load it by itself as soon as somebody uses it, and
 * what was made before the programs were attached would go uncounted.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

/* The program by which the kernel itself loads modules; "": it must not. */
static void find_modprobe(char *ret_path, size_t size)
{
	FILE *file = fopen("/proc/sys/kernel/modprobe", "re");

	ret_path[0] = '\0';
	if (file && fgets(ret_path, size, file))
		ret_path[strcspn(ret_path, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* In a child. -b: what the administrator has blacklisted stays out. */
static void run_modprobe(const char *path, const char *module)
{
	static char *const env[] = {
		"HOME=/",
		"PATH=/sbin:/usr/sbin:/bin:/usr/bin",
		NULL,
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	execle(path, path, "-q", "-b", "--", module, NULL, env);
	_exit(127);
}

/* Ask for @module. Whether it came is seen by its BTF. */
static void request_module(const char *module)
{
	char path[256];
	pid_t pid;

	find_modprobe(path, sizeof(path));
	if (!path[0])
		return;
	pid = fork();
	if (!pid)
		run_modprobe(path, module);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool is_module_loaded(const char *module)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return !access(path, F_OK);
}

static bool has_btf(const char *module)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", module);
	return !access(path, R_OK);
}

void load_forget_modules(struct load *load)
{
	while (load->nr_modules)
		btf__free(load->modules[--load->nr_modules]);
	load->module_missing[0] = '\0';
}

int load_modules(struct load *load, struct bpf_object *object)
{
	const struct rescore_module *module;
	struct btf *btf;
	size_t i, size = 0;

	load_forget_modules(load);
	module = load_section(object, ".rodata.modules", &size);
	for (i = 0; i < size / sizeof(*module); i++, module++) {
		if (load->nr_modules == LOAD_MODULES_MAX)
			return rescore_error(-E2BIG,
					     "more than %d modules in one object",
					     LOAD_MODULES_MAX);
		if (!is_module_loaded(module->name))
			request_module(module->name);
		if (!has_btf(module->name)) {
			/* built into the kernel, or without type information */
			if (!is_module_loaded(module->name))
				snprintf(load->module_missing,
					 sizeof(load->module_missing), "%s",
					 module->name);
			continue;
		}
		btf = btf__load_module_btf(module->name, load->btf);
		if (!btf)
			return rescore_error(
				-errno, "cannot read the BTF of module %s: %s",
				module->name, strerror(errno));
		load->modules[load->nr_modules++] = btf;
	}
	return 0;
}

bool load_has_type(const struct load *load, const char *name, unsigned int kind)
{
	unsigned int i;

	if (btf__find_by_name_kind(load->btf, name, kind) > 0)
		return true;
	for (i = 0; i < load->nr_modules; i++)
		if (btf__find_by_name_kind(load->modules[i], name, kind) > 0)
			return true;
	return false;
}
