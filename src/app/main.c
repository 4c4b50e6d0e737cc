#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("binnacle %s\n", BINNACLE_VERSION);
		return 0;
	}
	fprintf(stderr, "usage: binnacle --version\n");
	return 2;
}
