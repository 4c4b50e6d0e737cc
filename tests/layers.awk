# layers.awk - report includes that point upward or sideways
# usage: awk -f tests/layers.awk src/*/*.[ch] include/binnacle/*/*.h
#
# tests/layers.txt lists the folders, lowest line first; a folder may include itself and the
# folders on lower lines. A folder that is not listed is an error too, so that a new one has to
# find its place.
BEGIN {
	while ((getline line < "tests/layers.txt") > 0) {
		n = split(line, folders, " ")
		rank++
		for (i = 1; i <= n; i++)
			line_of[folders[i]] = rank
	}
}
FNR == 1 {
	n = split(FILENAME, part, "/")
	here = part[n - 1]
	if (!(here in line_of)) {
		printf "%s: folder %s is not in tests/layers.txt\n", FILENAME, here
		bad = 1
	}
}
/^#include "binnacle\// {
	split($2, part, "/")
	there = part[2]
	if (there != here && line_of[there] >= line_of[here]) {
		printf "%s:%d: %s may not include %s\n", FILENAME, FNR, here, there
		bad = 1
	}
}
END { exit bad }
