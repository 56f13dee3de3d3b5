/* Options, the listening socket on 127.0.0.1, and off it goes. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/arena.h"
#include "provider.h"

static int usage(void)
{
	fputs("usage: scripted-provider [--port N] [--scenario FILE] [--ready-fd N]\n", stderr);
	return 2;
}

static int listen_on(int64_t port, int *actual)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4096)) {
		perror("scripted-provider");
		exit(1);
	}
	getsockname(fd, (struct sockaddr *)&at, &len);
	*actual = ntohs(at.sin_port);
	return fd;
}

static void allow_many_files(void)
{
	struct rlimit most;

	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
}

int main(int argc, char **argv)
{
	int64_t port = 0, ready_fd = STDOUT_FILENO;
	const char *scenario = NULL;
	struct scenario *s;
	int listener, actual;

	for (int i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			return usage();
		if (strcmp(argv[i], "--scenario") == 0)
			scenario = argv[i + 1];
		else if (strcmp(argv[i], "--port") == 0 ? !str_to_i64(str_of(argv[i + 1]), &port)
		                                        : strcmp(argv[i], "--ready-fd") != 0 ||
		                                                  !str_to_i64(str_of(argv[i + 1]), &ready_fd))
			return usage();
	}
	if (port < 0 || port > 65535)
		return usage();
	signal(SIGPIPE, SIG_IGN);
	allow_many_files();
	s = scenario_load(arena_create(), scenario);
	listener = listen_on(port, &actual);
	dprintf((int)ready_fd, "%d\n", actual);
	if (ready_fd != STDOUT_FILENO)
		close((int)ready_fd);
	server_run(listener, s);
	return 0;
}
