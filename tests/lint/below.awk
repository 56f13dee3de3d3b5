# usage: awk -v of=query -f below.awk app/layers.txt: the module and every module below it, as words.
!/^#/ && /:/ { split($0, a, ":"); uses[a[1]] = a[2] }
function visit(m, d, n, i) {
	if (seen[m]++) return
	printf "%s ", m
	n = split(uses[m], d, " ")
	for (i = 1; i <= n; i++) visit(d[i])
}
END { visit(of) }
