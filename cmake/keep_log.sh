#!/bin/sh
# keep_log.sh OBJECT COMPILER...: runs the compiler; what it says, with ptxas's report on each kernel, is kept in OBJECT.ptxas.
log=$1.ptxas
shift
"$@" 2>"$log"
status=$?
cat "$log" >&2
exit $status
