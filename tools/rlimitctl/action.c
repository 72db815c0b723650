// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "action.h"
#include "replace.h"
#include "rescore_ct.h"
#include "rlimitctl.h"

#define ACTIONS_VERSION 1

/* --- the list as text ------------------------------------------------------------- */

/* A name of a file, not a path, not hidden. */
static bool is_hook_name(const char *name)
{
	const char *c;

	if (!isalnum((unsigned char)*name) || strlen(name) >= ACTION_HOOK_LEN)
		return false;
	for (c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return false;
	return true;
}

/* What is wrong with @word, or NULL. */
static const char *parse_word(const char *word, struct actions *ret)
{
	if (!strcmp(word, "refuse"))
		return NULL;
	if (!strcmp(word, "log")) {
		if (ret->log)
			return "is there twice";
		ret->log = true;
		return NULL;
	}
	if (!strncmp(word, "signal=", 7)) {
		if (ret->signal)
			return "is the second signal";
		ret->signal = parse_signal(word + 7);
		return ret->signal > 0 ? NULL : "has no signal that exists";
	}
	if (!strncmp(word, "hook=", 5)) {
		if (*ret->hook)
			return "is the second hook";
		if (!is_hook_name(word + 5))
			return "has no name of a file in " ACTION_HOOKS;
		snprintf(ret->hook, sizeof(ret->hook), "%s", word + 5);
		return NULL;
	}
	return "is none of refuse, log, signal=SIGNAL and hook=NAME";
}

/* NULL, or what is wrong with @ret_word. */
static const char *parse(const char *text, struct actions *ret, char *ret_word)
{
	struct actions actions = { 0 };
	const char *wrong = NULL;
	size_t length;

	for (;; text += length + 1) {
		length = strcspn(text, ",");
		snprintf(ret_word, ACTION_TEXT_LEN, "%.*s",
			 length < ACTION_TEXT_LEN ? (int)length :
						    ACTION_TEXT_LEN,
			 text);
		wrong = parse_word(ret_word, &actions);
		if (wrong || !text[length])
			break;
	}
	if (!wrong)
		*ret = actions;
	return wrong;
}

int action_parse(const char *text, struct actions *ret)
{
	char word[ACTION_TEXT_LEN];
	const char *wrong = parse(text, ret, word);

	return wrong ? usage("\"%s\" %s", word, wrong) : 0;
}

char *action_format(const struct actions *actions, char *buf, size_t size)
{
	char signal[32] = "";
	const char *name;

	if (actions->signal) {
		name = sigabbrev_np(actions->signal);
		if (name)
			snprintf(signal, sizeof(signal), ",signal=%s", name);
		else
			snprintf(signal, sizeof(signal), ",signal=%d",
				 actions->signal);
	}
	snprintf(buf, size, "refuse%s%s%s%s", actions->log ? ",log" : "",
		 signal, *actions->hook ? ",hook=" : "", actions->hook);
	return buf;
}

/* --- the file ----------------------------------------------------------------------- */

static char *file_of(char *path, const char *container)
{
	snprintf(path, PATH_MAX, RESCORE_CT_STORE "/%s/actions.json",
		 container);
	return path;
}

static int read_file(const char *container, json_t **ret)
{
	json_t *root, *version;
	char path[PATH_MAX];
	json_error_t error;

	if (access(file_of(path, container), F_OK))
		return errno == ENOENT ? -ENOENT : -EIO;
	root = json_load_file(path, 0, &error);
	if (!root)
		return -EIO;
	version = json_object_get(root, "version");
	if (json_integer_value(version) != ACTIONS_VERSION ||
	    !json_is_object(json_object_get(root, "actions"))) {
		json_decref(root);
		return -EPROTO;
	}
	*ret = root;
	return 0;
}

int action_each(const char *container,
		void (*fn)(const char *resource, const struct actions *actions,
			   void *arg),
		void *arg)
{
	char word[ACTION_TEXT_LEN];
	struct actions actions;
	const char *resource;
	json_t *root, *value;
	int err;

	err = read_file(container, &root);
	if (err)
		return err;
	json_object_foreach(json_object_get(root, "actions"), resource, value) {
		if (!json_is_string(value) ||
		    parse(json_string_value(value), &actions, word)) {
			err = -EPROTO;
			break;
		}
		fn(resource, &actions, arg);
	}
	json_decref(root);
	return err;
}

struct wanted {
	const char *resource;
	struct actions *ret;
	bool found;
};

static void pick(const char *resource, const struct actions *actions, void *arg)
{
	struct wanted *wanted = arg;

	if (strcmp(resource, wanted->resource))
		return;
	*wanted->ret = *actions;
	wanted->found = true;
}

int action_load(const char *container, const char *resource,
		struct actions *ret)
{
	struct wanted wanted = { .resource = resource, .ret = ret };
	int err = action_each(container, pick, &wanted);

	return err || wanted.found ? err : -ENOENT;
}

static int make_dirs(const char *container)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), RESCORE_CT_STORE "/%s", container);
	if ((mkdir(RESCORE_CT_STORE, 0700) && errno != EEXIST) ||
	    (mkdir(path, 0700) && errno != EEXIST))
		return fail("cannot make %s: %s", path, strerror(errno));
	return 0;
}

/* Read, changed and replaced by one at a time: a descriptor, or -1 and said why. */
static int lock_folder(const char *container)
{
	char path[PATH_MAX];
	int fd;

	if (make_dirs(container))
		return -1;
	snprintf(path, sizeof(path), RESCORE_CT_STORE "/%s", container);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !flock(fd, LOCK_EX))
		return fd;
	fail("cannot lock %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int replace_file(const char *container, json_t *root)
{
	char *text = json_dumps(root, JSON_INDENT(2)), path[PATH_MAX];
	int err = -ENOMEM;

	file_of(path, container);
	if (text)
		err = rescore_replace_file(path, text, 0600);
	free(text);
	return err ? fail("cannot write %s: %s", path, strerror(-err)) :
		     STATUS_OK;
}

static int store_locked(const char *container, const char *resource,
			const struct actions *actions)
{
	bool none = !actions->log && !actions->signal && !*actions->hook;
	char path[PATH_MAX], text[ACTION_TEXT_LEN];
	json_t *root = NULL, *list;
	int status;

	status = read_file(container, &root);
	if (status && status != -ENOENT)
		return fail("%s is not of this version, or not readable",
			    file_of(path, container));
	if (status)
		root = json_pack("{s:i, s:{}}", "version", ACTIONS_VERSION,
				 "actions");
	list = json_object_get(root, "actions");
	action_format(actions, text, sizeof(text));
	if (none)
		json_object_del(list, resource);
	if (!list ||
	    (!none && json_object_set_new(list, resource, json_string(text))))
		status = out_of_memory();
	else
		status = replace_file(container, root);
	json_decref(root);
	return status;
}

int action_store(const char *container, const char *resource,
		 const struct actions *actions)
{
	int status, lock = lock_folder(container);

	if (lock < 0)
		return STATUS_FAILURE;
	status = store_locked(container, resource, actions);
	close(lock);
	return status;
}
