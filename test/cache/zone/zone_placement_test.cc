#include "cache/zone/zone_placement.h"
