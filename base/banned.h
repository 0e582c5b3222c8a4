/* Calls that have hurt C programs for decades become compile errors; base/str.h and base/mem.h are what to use instead. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets atoi atol atoll strtok gmtime localtime ctime   \
    asctime
