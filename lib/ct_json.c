// SPDX-License-Identifier: GPL-2.0
/* Files that hold JSON: read with their version, replaced at once. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "ct_json.h"
#include "replace.h"

int ct_write_json(const char *path, const json_t *root)
{
	char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	int err;

	if (!text)
		return rescore_error(-EINVAL, "%s: a value is not UTF-8", path);
	err = rescore_replace_file(path, text, 0600);
	free(text);
	return err ? rescore_error(err, "cannot write %s: %s", path,
				   strerror(-err)) :
		     0;
}

static int check_version(const char *path, const json_t *root)
{
	json_int_t version =
		json_integer_value(json_object_get(root, "version"));

	if (version < 1)
		return rescore_error(-EPROTO, "%s has no version", path);
	if (version > RESCORE_CT_VERSION)
		return rescore_error(
			-EPROTO,
			"%s has version %lld, this rescore knows versions up to %d",
			path, (long long)version, RESCORE_CT_VERSION);
	return 0;
}

int ct_read_json(const char *path, json_t **ret)
{
	json_error_t wrong;
	json_t *root;
	int err;

	if (access(path, R_OK) < 0)
		return rescore_error(-errno, "cannot read %s: %s", path,
				     strerror(errno));
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
	if (!root)
		return rescore_error(-EINVAL, "%s, line %d: %s", path,
				     wrong.line, wrong.text);
	err = check_version(path, root);
	if (err)
		json_decref(root);
	else
		*ret = root;
	return err;
}
