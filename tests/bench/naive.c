// SPDX-License-Identifier: GPL-2.0
/*
 * What a collector does that knows nothing but librrd: a call for every sample of
 * every file. A program of its own, so that nothing of rstat's is linked in.
 *
 *	naive STAMP RESOURCES	paths of files on stdin, which are updated in
 *				turn; prints the seconds that took
 */
#include <err.h>
#include <rrd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

#define FILES_MAX	1000

/* The file's kind is its name: use.rrd has two columns where peak.rrd has one. */
static void row_of(const char *path, long long stamp, int resources, char *row,
		   size_t size)
{
	int columns = strstr(path, "/use.rrd") ? 2 * resources : resources;
	size_t used = (size_t)snprintf(row, size, "%lld", stamp);

	for (int i = 0; i < columns && used < size; i++)
		used += (size_t)snprintf(row + used, size - used, ":%d",
					 (int)((stamp / 60 + i) % 997));
}

int main(int argc, char **argv)
{
	static char path[FILES_MAX][512];
	int nr = 0;
	double start;

	if (argc != 3)
		errx(2, "STAMP RESOURCES");
	while (nr < FILES_MAX && fgets(path[nr], sizeof(path[0]), stdin)) {
		path[nr][strcspn(path[nr], "\n")] = '\0';
		nr++;
	}
	rrd_get_context();
	start = now();
	for (int i = 0; i < nr; i++) {
		char row[1024];
		/* const or not, as the version of librrd has it */
		const char *arg[] = { row };

		row_of(path[i], atoll(argv[1]), atoi(argv[2]), row,
		       sizeof(row));
		if (rrd_update_r(path[i], NULL, 1, (void *)arg))
			errx(1, "%s", rrd_get_error());
	}
	printf("%.9f\n", now() - start);

	return 0;
}
