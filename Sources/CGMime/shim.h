// What the Bounces module sees of GMime 3. GObject's casts and questions of type are macros, which Swift cannot read: each
// stands here as a function that gives NULL where the object is of another kind.
#pragma once
#include <gmime/gmime.h>

// GMIME_IS_MULTIPART and GMIME_MULTIPART are macros.
static inline GMimeMultipart *wardpost_as_multipart(GMimeObject *object) {
    return GMIME_IS_MULTIPART(object) ? GMIME_MULTIPART(object) : NULL;
}

// GMIME_IS_MESSAGE_PART and GMIME_MESSAGE_PART are macros.
static inline GMimeMessagePart *wardpost_as_message_part(GMimeObject *object) {
    return GMIME_IS_MESSAGE_PART(object) ? GMIME_MESSAGE_PART(object) : NULL;
}

// GMIME_IS_TEXT_PART and GMIME_TEXT_PART are macros.
static inline GMimeTextPart *wardpost_as_text_part(GMimeObject *object) {
    return GMIME_IS_TEXT_PART(object) ? GMIME_TEXT_PART(object) : NULL;
}

// GMIME_IS_PART and GMIME_PART are macros.
static inline GMimePart *wardpost_as_part(GMimeObject *object) {
    return GMIME_IS_PART(object) ? GMIME_PART(object) : NULL;
}

// GMIME_OBJECT is a macro: a message's own header fields are those of the object that it is.
static inline GMimeObject *wardpost_message_as_object(GMimeMessage *message) {
    return GMIME_OBJECT(message);
}

// GMIME_STREAM_MEM is a macro. The bytes belong to the stream.
static inline GByteArray *wardpost_stream_bytes(GMimeStream *stream) {
    return g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
}
