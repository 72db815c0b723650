// SPDX-License-Identifier: GPL-2.0
/* The configuration of a contained container: in memory and in its file. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct.h"

static const struct {
	const char *name;
	bool list;
} keys[NR_CT_KEYS] = {
	[CT_ROOTFS] = { "rootfs", false },
	[CT_OVERLAY] = { "overlay", false },
	[CT_UPPER] = { "upper", false },
	[CT_HOSTNAME] = { "hostname", false },
	[CT_NET] = { "net", false },
	[CT_USERNS] = { "userns", false },
	[CT_PROC] = { "proc", false },
	[CT_CAP] = { "cap", false },
	[CT_SHARE] = { "share", false },
	[CT_BIND] = { "bind", true },
	[CT_TMPFS] = { "tmpfs", true },
	[CT_ENV] = { "env", true },
	[CT_INIT] = { "init", true },
};

static int find_key(const char *name)
{
	int key;

	for (key = 0; key < NR_CT_KEYS; key++)
		if (!strcmp(keys[key].name, name))
			return key;
	return rescore_error(-EINVAL, "a configuration has no key \"%s\"",
			     name);
}

int rescore_ct_new(struct rescore_ct **ret_ct)
{
	struct rescore_ct *ct = calloc(1, sizeof(*ct));

	if (!ct)
		return rescore_error(-ENOMEM, "out of memory");
	*ret_ct = ct;
	return 0;
}

static void drop(struct ct_list *list)
{
	while (list->n)
		free(list->value[--list->n]);
	free(list->value);
	list->value = NULL;
}

void rescore_ct_free(struct rescore_ct *ct)
{
	int key;

	for (key = 0; ct && key < NR_CT_KEYS; key++)
		drop(&ct->key[key]);
	free(ct);
}

void rescore_ct_unset(struct rescore_ct *ct, const char *key)
{
	int id = find_key(key);

	if (id >= 0)
		drop(&ct->key[id]);
}

int rescore_ct_set(struct rescore_ct *ct, const char *key, const char *value)
{
	struct ct_list *list;
	char **more;
	int id = find_key(key), err;

	if (id < 0)
		return id;
	list = &ct->key[id];
	if (list->n && !keys[id].list)
		return rescore_error(-EEXIST, "%s is \"%s\" already", key,
				     list->value[0]);
	err = ct_check_value(id, value);
	if (err)
		return err;
	more = reallocarray(list->value, list->n + 1, sizeof(*more));
	if (!more)
		return rescore_error(-ENOMEM, "out of memory");
	list->value = more;
	more[list->n] = strdup(value);
	if (!more[list->n])
		return rescore_error(-ENOMEM, "out of memory");
	list->n++;
	return 0;
}

const char *rescore_ct_get(const struct rescore_ct *ct, const char *key,
			   size_t i)
{
	int id = find_key(key);

	if (id < 0 || i >= ct->key[id].n)
		return NULL;
	return ct->key[id].value[i];
}

const char *ct_first(const struct rescore_ct *ct, enum ct_key key)
{
	return ct->key[key].n ? ct->key[key].value[0] : NULL;
}

bool ct_is(const struct rescore_ct *ct, enum ct_key key, const char *text)
{
	return ct->key[key].n && !strcmp(ct->key[key].value[0], text);
}

int rescore_ct_check(const struct rescore_ct *ct)
{
	const char *share = ct_first(ct, CT_SHARE);
	unsigned long shared = 0;
	struct ct_net net;

	if (!ct->key[CT_ROOTFS].n && !ct->key[CT_OVERLAY].n)
		return rescore_error(
			-EINVAL,
			"it needs a root file system: rootfs or overlay");
	if (ct->key[CT_ROOTFS].n && ct->key[CT_OVERLAY].n)
		return rescore_error(
			-EINVAL,
			"rootfs \"%s\" and overlay \"%s\": it has one root",
			ct_first(ct, CT_ROOTFS), ct_first(ct, CT_OVERLAY));
	if (ct->key[CT_UPPER].n && !ct->key[CT_OVERLAY].n)
		return rescore_error(-EINVAL,
				     "upper \"%s\" goes with an overlay",
				     ct_first(ct, CT_UPPER));
	if (ct_parse_net(ct_first(ct, CT_NET) ?: "none", &net) == 0 &&
	    ct_parse_share(share ?: "", &shared) == 0 &&
	    shared & 0x40000000 /* CLONE_NEWNET */ && ct->key[CT_NET].n &&
	    net.mode != CT_NET_HOST)
		return rescore_error(
			-EINVAL,
			"share \"%s\" and net \"%s\" exclude one another",
			share, ct_first(ct, CT_NET));
	return 0;
}

/* --- the file ------------------------------------------------------------------ */

static json_t *to_json(const struct rescore_ct *ct)
{
	json_t *root = json_pack("{s:i}", "version", RESCORE_CT_VERSION);
	json_t *list;
	size_t i;
	int key;

	for (key = 0; key < NR_CT_KEYS; key++) {
		if (!ct->key[key].n)
			continue;
		if (!keys[key].list) {
			json_object_set_new(root, keys[key].name,
					    json_string(ct->key[key].value[0]));
			continue;
		}
		list = json_array();
		for (i = 0; i < ct->key[key].n; i++)
			json_array_append_new(list,
					      json_string(
						      ct->key[key].value[i]));
		json_object_set_new(root, keys[key].name, list);
	}
	return root;
}

static int from_json(const char *path, json_t *root, struct rescore_ct *ct)
{
	json_t *value, *one;
	const char *name;
	size_t i;
	int err = 0;

	i = json_integer_value(json_object_get(root, "version"));
	if (i < 1)
		return rescore_error(-EPROTO, "%s has no version", path);
	if (i > RESCORE_CT_VERSION)
		return rescore_error(
			-EPROTO,
			"%s has version %zu, this rescore knows versions up to %d",
			path, i, RESCORE_CT_VERSION);
	json_object_foreach(root, name, value) {
		if (!strcmp(name, "version"))
			continue;
		if (json_is_string(value))
			err = rescore_ct_set(ct, name,
					     json_string_value(value));
		else if (!json_is_array(value))
			err = rescore_error(-EINVAL, "%s: \"%s\" is no text",
					    path, name);
		for (i = 0; !err && i < json_array_size(value); i++) {
			one = json_array_get(value, i);
			err = rescore_ct_set(ct, name,
					     json_string_value(one) ?: "");
		}
		if (err)
			return err;
	}
	return 0;
}

int rescore_ct_load(const char *name, struct rescore_ct **ret_ct)
{
	char path[PATH_MAX];
	struct rescore_ct *ct;
	json_error_t wrong;
	json_t *root;
	int err;

	err = rescore_check_name(name);
	if (err)
		return err;
	ct_path(path, sizeof(path), RESCORE_CT_STORE, name, "config.json");
	if (access(path, F_OK) < 0)
		return rescore_error(
			-ENOENT,
			"\"%s\" has limits only: create it with --rootfs or --overlay",
			name);
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
	if (!root)
		return rescore_error(-EINVAL, "%s, line %d: %s", path,
				     wrong.line, wrong.text);
	err = rescore_ct_new(&ct);
	if (!err) {
		err = from_json(path, root, ct);
		if (err)
			rescore_ct_free(ct);
	}
	json_decref(root);
	if (!err)
		*ret_ct = ct;
	return err;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t length = strlen(text);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, length) != (ssize_t)length || fsync(fd) < 0)
		err = -(errno ?: EIO);
	close(fd);
	return err;
}

int rescore_ct_store(const char *name, const struct rescore_ct *ct)
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	json_t *root;
	char *text;
	int err;

	err = rescore_check_name(name);
	err = err ?: rescore_ct_check(ct);
	if (err)
		return err;
	ct_path(path, sizeof(path), RESCORE_CT_STORE, name, NULL);
	err = ct_make_dirs(path);
	if (err)
		return err;
	ct_path(path, sizeof(path), RESCORE_CT_STORE, name, "config.json");
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	root = to_json(ct);
	text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	json_decref(root);
	if (!text)
		return rescore_error(-EINVAL, "a value of \"%s\" is not UTF-8",
				     name);
	err = write_file(fresh, text);
	free(text);
	if (!err && rename(fresh, path) < 0)
		err = -errno;
	if (err) {
		unlink(fresh);
		return rescore_error(err, "cannot write %s: %s", path,
				     strerror(-err));
	}
	return 0;
}
