// SPDX-License-Identifier: GPL-2.0
/* The configuration of a contained container: in memory and in its file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ct_json.h"

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

json_t *ct_config_json(const struct rescore_ct *ct)
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

static int read_keys(const char *path, json_t *root, struct rescore_ct *ct)
{
	json_t *value, *one;
	const char *name;
	size_t i;
	int err = 0;

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

int ct_config_parse(const char *where, json_t *root, struct rescore_ct **ret)
{
	struct rescore_ct *ct = NULL;
	int err = rescore_ct_new(&ct);

	if (!ct)
		return err;
	err = read_keys(where, root, ct);
	if (err)
		rescore_ct_free(ct);
	else
		*ret = ct;
	return err;
}

int rescore_ct_load(const char *name, struct rescore_ct **ret_ct)
{
	char path[PATH_MAX];
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
	err = ct_read_json(path, &root);
	if (err)
		return err;
	err = ct_config_parse(path, root, ret_ct);
	json_decref(root);
	return err;
}

int rescore_ct_store(const char *name, const struct rescore_ct *ct)
{
	char path[PATH_MAX];
	json_t *root;
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
	root = ct_config_json(ct);
	err = ct_write_json(path, root);
	json_decref(root);
	return err;
}
