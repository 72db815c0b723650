// SPDX-License-Identifier: GPL-2.0
/*
 * All verbs and their options: the parser, the help, the words of the shell's
 * completion and the check of the man page read this table.
 */
#include <string.h>

#include "rlimitctl.h"
#include "text.h"

#define ANY (-1)
#define END { .name = NULL }

#define BPF_DIR { OPT_BPF_DIR, "bpf-dir", 0, "DIR", "where the BPF objects are" }
#define VERBOSE(help) { OPT_VERBOSE, "verbose", 'v', NULL, help }
#define VERBOSE_LOAD VERBOSE("print what libbpf and the verifier say")
#define JSON { OPT_JSON, "json", 0, NULL, "print one JSON document" }

/* clang-format off: one row, one line or two */
const struct option_spec help_option = {
	OPT_HELP, "help", 'h', NULL, "print this and do nothing",
};

static const struct option_spec load_options[] = {
	{ OPT_CONTAINERS, "containers", 0, "N",
	  "containers there may be, 1 to 65535 (default 4095)" },
	{ OPT_OBJECTS, "objects", 0, "N",
	  "files, tasks, locks they may hold (default by memory)" },
	{ OPT_EVENTS, "events", 0, "N", "events to keep (default 8192)" },
	{ OPT_ONLY, "only", 0, "LIST", "these controllers, not all" },
	{ OPT_STORED, "stored", 0, NULL,
	  "then make the stored containers again, with their limits" },
	BPF_DIR,
	VERBOSE_LOAD,
	END,
};

static const struct option_spec upgrade_options[] = {
	{ OPT_ONLY, "only", 0, "LIST", "these controllers as well" },
	BPF_DIR,
	VERBOSE_LOAD,
	END,
};

static const struct option_spec unload_options[] = {
	{ OPT_FORCE, "force", 'f', NULL,
	  "although containers exist: leave them without limits" },
	END,
};

static const struct option_spec status_options[] = {
	VERBOSE("list every program and why one is off (without NAME)"),
	JSON,
	END,
};

static const struct option_spec create_options[] = {
	{ OPT_CGROUP, "cgroup", 0, "PATH",
	  "take this cgroup instead of making one" },
	{ OPT_PARENT, "parent", 0, "NAME",
	  "charge all that it holds to this one as well" },
	{ OPT_LIMITS, "limits", 0, "FILE", "limits, one or more on a line" },
	{ OPT_ROOTFS, "rootfs", 0, "DIR", "its root file system" },
	{ OPT_OVERLAY, "overlay", 0, "LOWER[:LOWER...]",
	  "its root: these, and its changes over them" },
	{ OPT_UPPER, "upper", 0, "DIR|tmpfs", "where its changes go" },
	{ OPT_HOSTNAME, "hostname", 0, "NAME", "its hostname (default NAME)" },
	{ OPT_NET, "net", 0, "MODE",
	  "none, host, veth[:BRIDGE[,ADDRESS/BITS]], ip:ADDRESS,..." },
	{ OPT_BIND, "bind", 0, "SOURCE:TARGET[:ro]",
	  "the host's SOURCE in it; may be repeated" },
	{ OPT_TMPFS, "tmpfs", 0, "TARGET[:SIZE]",
	  "a file system in memory; may be repeated" },
	{ OPT_USERNS, "userns", 0, "MAP", "host, auto or 0:OUTSIDE:COUNT" },
	{ OPT_PROC, "proc", 0, "MODE", "full, minimal or lxcfs" },
	{ OPT_CAP, "cap", 0, "LIST",
	  "capabilities: NAME,... or changes +NAME,-NAME" },
	{ OPT_SHARE, "share", 0, "LIST",
	  "namespaces of the host: uts,ipc,pid,net,time,cgroup" },
	{ OPT_ENV, "env", 0, "NAME=VALUE", "environment; may be repeated" },
	END,
};

static const struct option_spec destroy_options[] = {
	{ OPT_FORCE, "force", 'f', NULL,
	  "kill its processes; do not wait for its last charges" },
	END,
};

static const struct option_spec json_options[] = {
	JSON,
	END,
};

static const struct option_spec list_options[] = {
	{ OPT_TREE, "tree", 't', NULL, "each below the one it is charged to" },
	JSON,
	END,
};

static const struct option_spec move_options[] = {
	{ OPT_PARENT, "parent", 0, "NAME",
	  "the container that it comes below; none: below none" },
	END,
};

static const struct option_spec show_options[] = {
	{ OPT_ALL, "all", 'a', NULL,
	  "show rows that are off, or unlimited and never used, too" },
	{ OPT_QUIET, "quiet", 'q', NULL,
	  "show only rows with refusals or over half full" },
	{ OPT_RAW, "raw", 'r', NULL,
	  "print all digits, in the resource's own unit" },
	JSON,
	END,
};

static const struct option_spec reset_options[] = {
	{ OPT_MAXHELD, "maxheld", 0, NULL, "set maxheld to held" },
	{ OPT_FAILCNT, "failcnt", 0, NULL, "set failcnt to 0" },
	END,
};

static const struct option_spec attach_options[] = {
	{ OPT_CGROUP, "cgroup", 0, "PATH", "the cgroup; its children follow" },
	{ OPT_UNIT, "unit", 0, "UNIT",
	  "the cgroup of this systemd service, at each start" },
	{ OPT_RUNTIME, "runtime", 0, NULL,
	  "the unit's only until it is stopped" },
	{ OPT_PID, "pid", 0, "PID", "the cgroup of this process" },
	END,
};

static const struct option_spec detach_options[] = {
	{ OPT_CGROUP, "cgroup", 0, "PATH", "the cgroup that was attached" },
	{ OPT_UNIT, "unit", 0, "UNIT", "that of this systemd unit" },
	END,
};

static const struct option_spec exec_options[] = {
	{ OPT_ADMIN, "admin", 0, NULL,
	  "never refuse it or its children anything" },
	END,
};

static const struct option_spec kill_options[] = {
	{ OPT_SIGNAL, "signal", 's', "SIGNAL",
	  "name or number (default KILL)" },
	END,
};

static const struct option_spec stop_options[] = {
	{ OPT_SIGNAL, "signal", 's', "SIGNAL", "sent first (default TERM)" },
	{ OPT_TIMEOUT, "timeout", 't', "SECONDS",
	  "then kill what is left (default 10)" },
	END,
};

static const struct option_spec freeze_options[] = {
	{ OPT_TIMEOUT, "timeout", 't', "SECONDS",
	  "for all processes to stop (default 10)" },
	END,
};

static const struct option_spec checkpoint_options[] = {
	{ OPT_LEAVE_RUNNING, "leave-running", 0, NULL,
	  "let it go on instead of stopping it" },
	END,
};

static const struct option_spec events_options[] = {
	{ OPT_FOLLOW, "follow", 'f', NULL, "go on with what happens from now" },
	{ OPT_CONTAINER, "container", 'c', "NAME", "only of this container" },
	{ OPT_RESOURCE, "resource", 'r', "RESOURCE", "only of this resource" },
	{ OPT_COUNT, "count", 'n', "COUNT",
	  "only the newest COUNT of those kept" },
	{ OPT_JSON, "json", 0, NULL, "print one JSON object per line" },
	END,
};

static const struct option_spec watch_options[] = {
	{ OPT_SYSLOG, "syslog", 0, NULL, "log there, not on standard output" },
	{ OPT_TIMEOUT, "timeout", 't', "SECONDS",
	  "then kill a hook (default 30)" },
	END,
};

static const struct option_spec audit_options[] = {
	VERBOSE("print the rows that are right, too"),
	JSON,
	END,
};

const struct command commands[] = {
	{ "load", 0, 0, 0, "", "Load rescore into the kernel", cmd_load,
	  load_options },
	{ "upgrade", 0, 0, 0, "", "Replace what is loaded, without a gap",
	  cmd_upgrade, upgrade_options },
	{ "unload", 0, 1, 0, "[CONTROLLER[,...]]",
	  "Remove rescore from the kernel, or parts of it", cmd_unload,
	  unload_options },
	{ "status", 0, ANY, 0, "[NAME]...",
	  "Show whether it is loaded, what works, or a container's state",
	  cmd_status, status_options },
	{ "create", 1, ANY, 0, "NAME [RESOURCE=BARRIER[:LIMIT]]...",
	  "Make a container, with limits", cmd_create, create_options },
	{ "destroy", 1, ANY, 0, "NAME...", "Remove containers", cmd_destroy,
	  destroy_options },
	{ "list", 0, 0, 0, "", "List the containers, one line each", cmd_list,
	  list_options },
	{ "set", 2, ANY, 0, "NAME RESOURCE=BARRIER[:LIMIT]...",
	  "Set limits, all of them or none", cmd_set, NULL },
	{ "show", 0, ANY, 0, "[NAME]...",
	  "Show what containers hold, may hold and were refused", cmd_show,
	  show_options },
	{ "mode", 2, ANY, 0, "NAME enforce|observe [RESOURCE]...",
	  "Refuse what is above a bound, or only count it", cmd_mode, NULL },
	{ "reset", 1, ANY, 0, "NAME [RESOURCE]...",
	  "Reset maxheld, failcnt or both", cmd_reset, reset_options },
	{ "attach", 1, 1, 0, "NAME --cgroup PATH | --unit UNIT | --pid PID",
	  "Put another cgroup under a container's limits", cmd_attach,
	  attach_options },
	{ "detach", 1, 1, 0, "NAME --cgroup PATH | --unit UNIT",
	  "Take an attached cgroup out from under a container's limits",
	  cmd_detach, detach_options },
	{ "move", 1, 1, 0, "NAME --parent NAME|none",
	  "Put an empty container below another", cmd_move, move_options },
	{ "exec", 2, ANY, 1, "NAME -- COMMAND [ARGUMENT]...",
	  "Run a command in a container", cmd_exec, exec_options },
	{ "start", 1, ANY, 1, "NAME [-- COMMAND [ARGUMENT]...]",
	  "Run a container that has a root file system", cmd_start, NULL },
	{ "enter", 1, 1, 0, "NAME", "A login shell in a container", cmd_enter,
	  exec_options },
	{ "stop", 1, 1, 0, "NAME", "End a container's processes", cmd_stop,
	  stop_options },
	{ "restart", 1, 1, 0, "NAME", "Stop a container and start it again",
	  cmd_restart, stop_options },
	{ "freeze", 1, 1, 0, "NAME", "Stop all processes where they are",
	  cmd_freeze, freeze_options },
	{ "thaw", 1, 1, 0, "NAME", "Let frozen processes go on", cmd_thaw,
	  freeze_options },
	{ "checkpoint", 2, 2, 0, "NAME DIRECTORY",
	  "Save a running container's processes, with limits and counters",
	  cmd_checkpoint, checkpoint_options },
	{ "restore", 2, 2, 0, "NAME DIRECTORY",
	  "Let a container go on where a checkpoint saved it", cmd_restore,
	  NULL },
	{ "log", 1, 1, 0, "NAME",
	  "Print what a container wrote since its start", cmd_log, NULL },
	{ "state", 0, ANY, 0, "[NAME]...", "Show which containers run",
	  cmd_state, json_options },
	{ "kill", 1, 1, 0, "NAME",
	  "Send a signal to all processes of a container", cmd_kill,
	  kill_options },
	{ "why", 1, 1, 0, "PID",
	  "Show every bound that applies to a process, and what is left",
	  cmd_why, json_options },
	{ "resources", 0, 0, 0, "",
	  "List the resources: unit, refusal, controller, state", cmd_resources,
	  json_options },
	{ "events", 0, 0, 0, "", "Show who was refused what", cmd_events,
	  events_options },
	{ "action", 1, 3, 0, "NAME [RESOURCE ACTION[,...]]",
	  "Set what `watch` does when a container is refused something",
	  cmd_action, NULL },
	{ "watch", 0, 0, 0, "", "Log refusals, send signals, run hooks",
	  cmd_watch, watch_options },
	{ "audit", 0, 1, 0, "[NAME]", "Compare every count with the truth",
	  cmd_audit, audit_options },
	{ "help", 0, 1, 0, "[VERB]", "Explain a verb and its options", cmd_help,
	  NULL },
	{ "version", 0, 0, 0, "", "Print the version", cmd_version, NULL },
	END,
};
/* clang-format on */

const struct command *find_command(const char *name)
{
	const struct command *c;

	for (c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

int unknown_command(const char *name)
{
	struct nearest nearest = nearest_to(name);
	const struct command *c;

	for (c = commands; c->name; c++)
		nearest_offer(&nearest, c->name);
	if (nearest.found)
		return usage("unknown verb \"%s\": did you mean \"%s\"?", name,
			     nearest.found);
	return usage("unknown verb \"%s\": see `rlimitctl help`", name);
}
