/* Fork, exec, and the port that the provider writes to the pipe. */
#include "support/provider.h"

#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char program[600], url[64];
static pid_t child;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

bool provider_exists(void)
{
	char self[500] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return false;
	snprintf(program, sizeof(program), "%s/scripted-provider", dirname(self));
	return access(program, X_OK) == 0;
}

void provider_stop(void)
{
	if (child <= 0)
		return;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = 0;
}

const char *provider_start(const char *scenario)
{
	char ready_fd[16], port[16] = "";
	int ends[2];

	provider_stop();
	if (!provider_exists() || pipe(ends))
		die("scripted-provider");
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(ready_fd, sizeof(ready_fd), "%d", ends[1]);
		execl(program, program, "--scenario", scenario, "--ready-fd", ready_fd, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], port, sizeof(port) - 1) <= 0)
		die("scripted-provider did not start");
	close(ends[0]);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", (int)strtol(port, NULL, 10));
	return url;
}
