// SPDX-License-Identifier: GPL-2.0
/* What the values of a configuration mean. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

#include "ct.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* "auto": each slot its own 65536 ids, far above those of people and services. */
#define AUTO_BASE	0x20000000u
#define AUTO_COUNT	65536u

/* Cut the next part off *@text at @mark; NULL when there is none. */
static char *part(char **text, char mark)
{
	char *start = *text, *end;

	if (!start)
		return NULL;
	end = strchr(start, mark);
	if (end)
		*end++ = '\0';
	*text = end;
	return start;
}

static int absolute(const char *what, const char *path)
{
	if (path[0] != '/' || strnlen(path, PATH_MAX) == PATH_MAX)
		return rescore_error(-EINVAL, "%s \"%s\" is no absolute path",
				     what, path);
	return 0;
}

int ct_parse_bind(const char *text, struct ct_bind *ret)
{
	char copy[2 * PATH_MAX], *rest = copy, *from, *to, *word;

	*ret = (struct ct_bind){ 0 };
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return rescore_error(-EINVAL, "bind \"%.64s...\" is too long",
				     text);
	from = part(&rest, ':');
	to = part(&rest, ':');
	if (!to)
		return rescore_error(-EINVAL,
				     "bind \"%s\": say SOURCE:TARGET[:ro]",
				     text);
	while ((word = part(&rest, ':'))) {
		if (!strcmp(word, "ro"))
			ret->read_only = true;
		else if (!strcmp(word, "slave"))
			ret->slave = true;
		else if (strcmp(word, "rw"))
			return rescore_error(
				-EINVAL,
				"bind \"%s\": \"%s\" is none of ro, rw, slave",
				text, word);
	}
	if (absolute("bind's source", from) || absolute("bind's target", to))
		return -EINVAL;
	if (!strcmp(to, "/"))
		return rescore_error(-EINVAL,
				     "bind \"%s\" would cover the root", text);
	snprintf(ret->from, sizeof(ret->from), "%s", from);
	snprintf(ret->to, sizeof(ret->to), "%s", to);
	return 0;
}

int ct_parse_userns(const char *text, unsigned int slot, struct ct_map *ret)
{
	unsigned int inside, outside, count;
	char more;

	*ret = (struct ct_map){ 0 };
	if (!strcmp(text, "host"))
		return 0;
	if (!strcmp(text, "auto")) {
		*ret = (struct ct_map){ 0, AUTO_BASE + slot % 4096 * AUTO_COUNT,
					AUTO_COUNT };
		return 0;
	}
	if (strchr(text, '-') ||
	    sscanf(text, "%u:%u:%u%c", &inside, &outside, &count, &more) != 3 ||
	    inside || !outside || !count || outside + count < outside)
		return rescore_error(
			-EINVAL,
			"userns \"%s\" is none of host, auto, 0:OUTSIDE:COUNT",
			text);
	*ret = (struct ct_map){ inside, outside, count };
	return 0;
}

static int parse_address(const char *whole, const char *text, bool network,
			 struct ct_address *ret)
{
	char copy[64], *rest = copy, *address, *bits;

	*ret = (struct ct_address){ 0 };
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		goto wrong;
	address = part(&rest, '/');
	ret->family = strchr(address, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(ret->family, address, ret->byte) != 1)
		goto wrong;
	bits = part(&rest, '/');
	ret->bits = ret->family == AF_INET ? 32 : 128;
	if (!bits)
		return 0;
	if (network && *bits >= '1' && *bits <= '9' &&
	    (unsigned long)atoi(bits) <= ret->bits) {
		ret->bits = atoi(bits);
		return 0;
	}
wrong:
	return rescore_error(-EINVAL, "net \"%s\": \"%s\" is no address%s",
			     whole, text, network ? " with /LENGTH" : "");
}

static int parse_addresses(const char *whole, char *rest, bool network,
			   struct ct_net *ret)
{
	char *word;
	int err;

	while ((word = part(&rest, ','))) {
		if (ret->n == CT_ADDRESSES_MAX)
			return rescore_error(
				-EINVAL,
				"net \"%s\" has more than %d addresses", whole,
				CT_ADDRESSES_MAX);
		err = parse_address(whole, word, network,
				    &ret->address[ret->n]);
		if (err)
			return err;
		ret->n++;
	}
	return 0;
}

int ct_parse_net(const char *text, struct ct_net *ret)
{
	char copy[512], *rest = copy, *word;

	*ret = (struct ct_net){ 0 };
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return rescore_error(-EINVAL, "net \"%.64s...\" is too long",
				     text);
	word = part(&rest, ':');
	if (!strcmp(word, "none") && !rest)
		return 0;
	if (!strcmp(word, "host") && !rest) {
		ret->mode = CT_NET_HOST;
		return 0;
	}
	if (!strcmp(word, "veth")) {
		ret->mode = CT_NET_VETH;
		word = part(&rest, ',');
		if (word && strlen(word) >= sizeof(ret->bridge))
			return rescore_error(-EINVAL,
					     "net \"%s\": no bridge \"%s\"",
					     text, word);
		if (word)
			strcpy(ret->bridge, word);
		return parse_addresses(text, rest, true, ret);
	}
	if (!strcmp(word, "ip") && rest) {
		ret->mode = CT_NET_IP;
		return parse_addresses(text, rest, false, ret);
	}
	return rescore_error(
		-EINVAL,
		"net \"%s\" is none of none, host, veth[:BRIDGE[,ADDRESS/LENGTH]], ip:ADDRESS,...",
		text);
}

int ct_parse_share(const char *text, unsigned long *ret_flags)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} names[] = {
		{ "uts", CLONE_NEWUTS },   { "ipc", CLONE_NEWIPC },
		{ "pid", CLONE_NEWPID },   { "net", CLONE_NEWNET },
		{ "time", CLONE_NEWTIME }, { "cgroup", CLONE_NEWCGROUP },
	};
	char copy[256], *rest = copy, *word;
	unsigned long flags = 0;
	size_t i;

	snprintf(copy, sizeof(copy), "%s", text);
	while (*text && (word = part(&rest, ','))) {
		for (i = 0; i < ARRAY_SIZE(names); i++)
			if (!strcmp(names[i].name, word))
				break;
		if (i == ARRAY_SIZE(names))
			return rescore_error(
				-EINVAL,
				"share \"%s\": \"%s\" is none of uts, ipc, pid, net, time, cgroup",
				text, word);
		flags |= names[i].flag;
	}
	*ret_flags = flags;
	return 0;
}

int ct_parse_caps(const char *text, uint64_t *ret_caps)
{
	char copy[1024], name[1100], *rest = copy, *word;
	uint64_t caps = ct_default_caps, bit;
	bool first = true, minus;
	cap_value_t value;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = part(&rest, ','))) {
		minus = *word == '-';
		if (*word == '+' || *word == '-')
			word++;
		else if (first)
			caps = 0;	/* a list of all it has */
		first = false;
		if (!strcmp(word, "none"))
			continue;
		snprintf(name, sizeof(name), "%s%s",
			 strncasecmp(word, "cap_", 4) ? "cap_" : "", word);
		if (cap_from_name(name, &value))
			return rescore_error(-EINVAL,
					     "cap \"%s\": no capability \"%s\"",
					     text, word);
		bit = 1ULL << value;
		caps = minus ? caps & ~bit : caps | bit;
	}
	*ret_caps = caps;
	return 0;
}

static int check_one_of(const char *what, const char *value, const char *a,
			const char *b, const char *c)
{
	if (!strcmp(value, a) || !strcmp(value, b) || !strcmp(value, c))
		return 0;
	return rescore_error(-EINVAL, "%s \"%s\" is none of %s, %s, %s", what,
			     value, a, b, c);
}

static int check_tmpfs(const char *value)
{
	const char *size = strchr(value, ':');
	int64_t bytes;

	if (value[0] != '/' || value[1] == ':' || !value[1])
		return rescore_error(-EINVAL, "tmpfs \"%s\": say TARGET[:SIZE]",
				     value);
	return size ? rescore_parse_amount(size + 1, RESCORE_BYTES, &bytes) : 0;
}

static int check_overlay(const char *value)
{
	char copy[PATH_MAX], *rest = copy, *word;

	if (strpbrk(value, ",\\") ||
	    (size_t)snprintf(copy, sizeof(copy), "%s", value) >= sizeof(copy))
		return rescore_error(
			-EINVAL, "overlay \"%.64s\" is too long or has , or \\",
			value);
	while ((word = part(&rest, ':')))
		if (absolute("overlay's lower", word))
			return -EINVAL;
	return 0;
}

static int check_hostname(const char *value)
{
	if (!*value || strlen(value) > 64 ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			  "0123456789.-") != strlen(value))
		return rescore_error(-EINVAL, "\"%s\" is no hostname", value);
	return 0;
}

int ct_check_value(enum ct_key key, const char *value)
{
	struct ct_bind bind;
	unsigned long flags;
	struct ct_map map;
	struct ct_net net;
	uint64_t caps;

	switch (key) {
	case CT_ROOTFS:
		return absolute("rootfs", value);
	case CT_OVERLAY:
		return check_overlay(value);
	case CT_UPPER:
		return strcmp(value, "tmpfs") ? absolute("upper", value) : 0;
	case CT_HOSTNAME:
		return check_hostname(value);
	case CT_NET:
		return ct_parse_net(value, &net);
	case CT_USERNS:
		return ct_parse_userns(value, 0, &map);
	case CT_PROC:
		return check_one_of("proc", value, "full", "minimal", "lxcfs");
	case CT_CAP:
		return ct_parse_caps(value, &caps);
	case CT_SHARE:
		return ct_parse_share(value, &flags);
	case CT_BIND:
		return ct_parse_bind(value, &bind);
	case CT_TMPFS:
		return check_tmpfs(value);
	case CT_ENV:
		if (*value != '=' && strchr(value, '='))
			return 0;
		return rescore_error(-EINVAL, "env \"%s\": say NAME=VALUE",
				     value);
	default:
		return 0;
	}
}
