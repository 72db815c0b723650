// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"
#include "rlimitctl.h"

#define LEDGER_VERSION	1

/* --- the file: a head, the crossings by slot and resource, the keepers by slot --- */

static size_t crossings_of(unsigned int nr_slots)
{
	return (size_t)nr_slots * RESCORE_RESOURCES_MAX;
}

static size_t size_for(unsigned int nr_slots)
{
	return sizeof(struct ledger) +
	       crossings_of(nr_slots) * sizeof(struct crossing) +
	       nr_slots * sizeof(struct keeper);
}

struct crossing *ledger_crossing(struct ledger *ledger, unsigned int slot,
				 unsigned int id)
{
	struct crossing *all = (struct crossing *)(ledger + 1);

	return &all[(size_t)slot * RESCORE_RESOURCES_MAX + id];
}

struct keeper *ledger_keeper(struct ledger *ledger, unsigned int slot)
{
	struct crossing *all = (struct crossing *)(ledger + 1);

	return (struct keeper *)&all[crossings_of(ledger->nr_slots)] + slot;
}

/* The file as this process' own: a descriptor, or -1 and said why. */
static int open_file(void)
{
	int fd = open(LEDGER_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		      0600);

	if (fd < 0) {
		fail("cannot open %s: %s", LEDGER_FILE, strerror(errno));
		return -1;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	if (errno == EWOULDBLOCK)
		fail("another `rlimitctl watch` runs: `rlimitctl events --follow` shows refusals");
	else
		fail("cannot lock %s: %s", LEDGER_FILE, strerror(errno));
	close(fd);
	return -1;
}

/* Is what stands there of this version, and of what is loaded now? */
static bool goes_on(int fd, const struct rescore_meta *meta)
{
	struct ledger head;
	struct stat st;

	return pread(fd, &head, sizeof(head), 0) == sizeof(head) &&
	       !fstat(fd, &st) && head.version == LEDGER_VERSION &&
	       head.nr_slots == meta->nr_slots &&
	       head.loaded_ns == meta->loaded_ns &&
	       (size_t)st.st_size == size_for(head.nr_slots) &&
	       head.cursor <= meta->event_head;
}

static int begin(int fd, const struct rescore_meta *meta)
{
	const struct ledger head = {
		.version = LEDGER_VERSION,
		.nr_slots = meta->nr_slots,
		.loaded_ns = meta->loaded_ns,
		.cursor = meta->event_head,
	};
	int err = 0;

	if (ftruncate(fd, 0))
		err = errno;
	/* all of it: a page that finds no room later would be a SIGBUS */
	err = err ? err :
		    posix_fallocate(fd, 0, (off_t)size_for(head.nr_slots));
	if (!err && pwrite(fd, &head, sizeof(head), 0) != sizeof(head))
		err = errno;
	return err ? fail("cannot write %s: %s", LEDGER_FILE, strerror(err)) :
		     STATUS_OK;
}

int ledger_open(const struct rescore *rs, struct ledger **ret)
{
	const struct rescore_meta *meta = rescore_meta(rs);
	int fd = open_file(), status = STATUS_OK;
	struct ledger *ledger;

	if (fd < 0)
		return STATUS_FAILURE;
	if (!goes_on(fd, meta))
		status = begin(fd, meta);
	if (!status) {
		ledger = mmap(NULL, size_for(meta->nr_slots),
			      PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (ledger == MAP_FAILED)
			status = fail("cannot map %s: %s", LEDGER_FILE,
				      strerror(errno));
		else
			*ret = ledger;
	}
	/* a child that had it would keep the file locked */
	if (!status)
		madvise(ledger, size_for(meta->nr_slots), MADV_DONTFORK);
	/* else it stays open, and so locked, as long as this process lives */
	if (status)
		close(fd);
	return status;
}

void ledger_close(struct ledger *ledger)
{
	if (ledger)
		munmap(ledger, size_for(ledger->nr_slots));
}

/* --- keepers ------------------------------------------------------------------------ */

/* When @pid was started, in ticks since the boot; 0: there is none. */
static uint64_t start_of(pid_t pid)
{
	char path[64], line[1024], *at = NULL;
	unsigned long long started = 0;
	FILE *file;
	int field;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	/* the name, which may be anything, ends at the last ")" */
	if (file && fgets(line, sizeof(line), file))
		at = strrchr(line, ')');
	for (field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at && sscanf(at, "%llu", &started) != 1)
		started = 0;
	if (file)
		fclose(file);
	return started;
}

void keeper_begin(struct keeper *keeper, pid_t pid)
{
	keeper->started = start_of(pid);
	keeper->pid = pid;
}

bool keeper_lives(const struct keeper *keeper)
{
	uint64_t started = start_of(keeper->pid);

	return started && started == keeper->started;
}
