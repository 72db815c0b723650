// SPDX-License-Identifier: GPL-2.0
/* From options to a stored configuration. */
#include "rescore_ct.h"
#include "rlimitctl.h"

/* An option is the key of the same name. */
static const enum option_id contain_ids[] = {
	OPT_ROOTFS, OPT_OVERLAY, OPT_UPPER, OPT_HOSTNAME, OPT_NET,   OPT_BIND,
	OPT_TMPFS,  OPT_USERNS,	 OPT_PROC,  OPT_CAP,	  OPT_SHARE, OPT_ENV,
};

static bool is_contain_option(enum option_id id)
{
	size_t i;

	for (i = 0; i < sizeof(contain_ids) / sizeof(*contain_ids); i++)
		if (contain_ids[i] == id)
			return true;
	return false;
}

static const char *option_name(const struct invocation *inv, enum option_id id)
{
	const struct option_spec *spec = inv->command->options;

	while (spec->id != id)
		spec++;
	return spec->name;
}

int contain_options(const struct invocation *inv, struct rescore_ct **ret)
{
	struct rescore_ct *ct = NULL;
	int i, err = 0;

	for (i = 0; !err && i < inv->nr_given; i++) {
		if (!is_contain_option(inv->given[i].id))
			continue;
		if (!ct)
			err = rescore_ct_new(&ct);
		if (!err)
			err = rescore_ct_set(ct,
					     option_name(inv, inv->given[i].id),
					     inv->given[i].value);
	}
	if (!err && ct)
		err = rescore_ct_check(ct);
	if (err) {
		rescore_ct_free(ct);
		return fail("%s", rescore_strerror());
	}
	*ret = ct;
	return 0;
}
