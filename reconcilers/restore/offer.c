/* The part of a Restore's state that its instance reads; see offer.h. */
#include "reconcilers/restore/offer.h"

const struct field restore_offer_fields[] = {
    { "ready", FIELD_BOOL, offsetof(struct restore_offer, ready) },
    { "beside", FIELD_TEXT, offsetof(struct restore_offer, beside) },
    { "aside", FIELD_TEXT, offsetof(struct restore_offer, aside) },
    { "volume", FIELD_TEXT, offsetof(struct restore_offer, volume) },
    { "version", FIELD_TEXT, offsetof(struct restore_offer, version) },
    { "applied", FIELD_JSON, offsetof(struct restore_offer, applied) },
    { "runAfter", FIELD_BOOL, offsetof(struct restore_offer, run_after) },
    { "sourceDatabase", FIELD_TEXT, offsetof(struct restore_offer, source_database) },
    { "neutralize", FIELD_BOOL, offsetof(struct restore_offer, neutralize) },
    { NULL },
};
