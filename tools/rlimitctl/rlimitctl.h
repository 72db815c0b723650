/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of rlimitctl share: commands, options, messages. */
#ifndef RLIMITCTL_H
#define RLIMITCTL_H

#include "librescore.h"

enum status {
	STATUS_OK		= 0,
	STATUS_FAILURE		= 1,	/* nothing was changed */
	STATUS_USAGE		= 2,	/* the words make no command */
	STATUS_NOT_LOADED	= 3,	/* of the verb `status` only */
	STATUS_CANNOT_EXEC	= 126,	/* as sh, env and nohup have them */
	STATUS_NOT_FOUND	= 127,
};

/* --- the command table: commands.c ---------------------------------------- */

enum option_id {
	OPT_ADMIN,
	OPT_ALL,
	OPT_BIND,
	OPT_BPF_DIR,
	OPT_ONLY,
	OPT_CAP,
	OPT_CGROUP,
	OPT_CONTAINER,
	OPT_CONTAINERS,
	OPT_COUNT,
	OPT_ENV,
	OPT_EVENTS,
	OPT_FAILCNT,
	OPT_FOLLOW,
	OPT_FORCE,
	OPT_HELP,
	OPT_HOSTNAME,
	OPT_JSON,
	OPT_LEAVE_RUNNING,
	OPT_LIMITS,
	OPT_MAXHELD,
	OPT_NET,
	OPT_OBJECTS,
	OPT_OVERLAY,
	OPT_PARENT,
	OPT_PID,
	OPT_PROC,
	OPT_QUIET,
	OPT_RAW,
	OPT_RESOURCE,
	OPT_ROOTFS,
	OPT_RUNTIME,
	OPT_SHARE,
	OPT_SIGNAL,
	OPT_STORED,
	OPT_SYSLOG,
	OPT_TIMEOUT,
	OPT_TMPFS,
	OPT_TREE,
	OPT_UNIT,
	OPT_UPPER,
	OPT_USERNS,
	OPT_VERBOSE,
	NR_OPTIONS,
};

struct option_spec {
	enum option_id id;
	const char *name;	/* without the dashes; NULL ends a list */
	char letter;		/* 0 = none */
	const char *arg;	/* what its value is called; NULL = takes none */
	const char *help;
};

struct invocation;

struct command {
	const char *name;	/* NULL ends the table */
	int min, max;		/* arguments; max -1 = any number */
	/*
	 * Arguments before another program's command line, in which no option
	 * is ours; 0 = there is none.
	 */
	int before_tail;
	const char *args;
	const char *help;	/* one line */
	int (*run)(const struct invocation *inv);
	const struct option_spec *options;
};

/* A command line, taken apart. */
struct invocation {
	const struct command *command;
	int argc;
	char **argv;			/* without options, NULL at the end */
	const char *option[NR_OPTIONS];	/* value, "" = bare; NULL = not given */
	/* The same in their order, for those that may be repeated. */
	struct given_option {
		enum option_id id;
		const char *value;
	} *given;
	int nr_given;
};

extern const struct command commands[];
extern const struct option_spec help_option;	/* every command has it */

const struct command *find_command(const char *name);	/* or NULL */
int unknown_command(const char *name);	/* says so; a status */

/* --- options.c ------------------------------------------------------------- */

/*
 * Take @argv apart; argv[0] is the verb. 0, or a status after having said what
 * is wrong. @ret->argv is allocated: free() it. ->given lives in it.
 */
int parse_options(const struct command *command, int argc, char **argv,
		  struct invocation *ret);

/* The value of a numeric option into @ret, which is not touched when absent. */
int number_option(const struct invocation *inv, enum option_id id, uint64_t min,
		  uint64_t max, uint64_t *ret);

/* --- message.c ---------------------------------------------------------------- */

/* One line on standard error. Both return the exit status that belongs to it. */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int out_of_memory(void);

/* What was written is not lost: @status, or a failure that has been said. */
int finish_output(int status);

/* --- session.c ------------------------------------------------------------------ */

/* 0, or a status after having said why not, and what to do about it. */
int open_session(const struct invocation *inv, bool read_only,
		 struct rescore **ret_rs);
/* Say why rescore_open() returned @err. */
int open_failed(const struct invocation *inv, int err);
int find_container(const struct rescore *rs, const char *name,
		   unsigned int *ret_slot);
/* The same; one that is only stored is made again first. */
int find_or_revive(struct rescore *rs, const char *name,
		   unsigned int *ret_slot);
/*
 * Calls @fn for the name of each container that is stored and not there. It stops at
 * a status that is not 0, and returns that.
 */
int each_stored(struct rescore *rs,
		int (*fn)(struct rescore *rs, const char *name, void *arg),
		void *arg);
int find_resource(const struct rescore *rs, const char *name,
		  unsigned int *ret_id);
bool resource_is_on(const struct rescore_resource *resource);

/* --- assignment.c ----------------------------------------------------------------- */

/* "RESOURCE=BARRIER[:LIMIT]" words; @ret has room for @n. */
int parse_assignments(const struct rescore *rs, char *const *words, size_t n,
		      struct rescore_bounds *ret);
/* "KILL", "SIGKILL", "kill", "RTMIN+1", "9"; -1 = no such signal. */
int parse_signal(const char *text);

/* --- contain.c ---------------------------------------------------------------------- */

struct rescore_ct;

/*
 * The configuration that the options describe, each as it is stored; *@ret is NULL
 * when there is none of them. A status.
 */
int contain_options(const struct invocation *inv, struct rescore_ct **ret);

/* --- the verbs, cmd_*.c -------------------------------------------------------------- */

int cmd_load(const struct invocation *inv);
int cmd_upgrade(const struct invocation *inv);
int cmd_unload(const struct invocation *inv);
int cmd_status(const struct invocation *inv);
int cmd_create(const struct invocation *inv);
int cmd_destroy(const struct invocation *inv);
int cmd_attach(const struct invocation *inv);
int cmd_detach(const struct invocation *inv);
int cmd_list(const struct invocation *inv);
int cmd_move(const struct invocation *inv);
int cmd_why(const struct invocation *inv);
int cmd_set(const struct invocation *inv);
int cmd_mode(const struct invocation *inv);
int cmd_reset(const struct invocation *inv);
int cmd_show(const struct invocation *inv);
int cmd_resources(const struct invocation *inv);
int cmd_exec(const struct invocation *inv);
int cmd_kill(const struct invocation *inv);
int cmd_start(const struct invocation *inv);
int cmd_enter(const struct invocation *inv);
int cmd_stop(const struct invocation *inv);
int cmd_restart(const struct invocation *inv);
int cmd_freeze(const struct invocation *inv);
int cmd_thaw(const struct invocation *inv);
int cmd_checkpoint(const struct invocation *inv);
int cmd_restore(const struct invocation *inv);
int cmd_log(const struct invocation *inv);
int cmd_state(const struct invocation *inv);
int cmd_events(const struct invocation *inv);
int cmd_action(const struct invocation *inv);
int cmd_watch(const struct invocation *inv);
int cmd_audit(const struct invocation *inv);
int cmd_help(const struct invocation *inv);
int cmd_version(const struct invocation *inv);

/* Words for the shell's completion: --list-verbs and its kin; -1 = not one. */
int list_words(int argc, char **argv);

#endif /* RLIMITCTL_H */
