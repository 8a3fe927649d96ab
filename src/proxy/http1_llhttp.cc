#include "proxy/http1_llhttp.h"

#include "proxy/http1_grammar.h"

// Version 8 ends a header line at a bare CR unless its strict mode is compiled in; later ones have no such mode.
#if LLHTTP_VERSION_MAJOR < 9
static_assert(LLHTTP_STRICT_MODE == 1, "llhttp 8 must be built with LLHTTP_STRICT_MODE=1");
#endif

namespace gateway::proxy {
namespace {

LlhttpFeed& self(llhttp_t* parser) {
  return *static_cast<LlhttpFeed*>(parser->data);
}

// Spans of one element follow each other in the same section.
void extend(std::string_view& view, const char* data, std::size_t size) {
  view = view.data() == nullptr ? std::string_view(data, size)
                                : std::string_view(view.data(), static_cast<std::size_t>(data + size - view.data()));
}

}  // namespace

const llhttp_settings_t& LlhttpFeed::settings() {
  static const llhttp_settings_t instance = [] {
    llhttp_settings_t callbacks;
    llhttp_settings_init(&callbacks);
    callbacks.on_url = on_target;
    callbacks.on_header_field = on_field;
    callbacks.on_header_value = on_value;
    callbacks.on_headers_complete = on_headers_complete;
    callbacks.on_body = on_body;
    callbacks.on_message_complete = on_message_complete;
    return callbacks;
  }();
  return instance;
}

LlhttpFeed::LlhttpFeed(llhttp_type_t type) {
  llhttp_init(&parser_, type, &settings());
  parser_.data = this;
}

void LlhttpFeed::reset() {
  llhttp_reset(&parser_);
  target_ = {};
  name_ = {};
  value_ = {};
  headers_complete_ = false;
  message_complete_ = false;
  chunked_ = false;
  content_length_ = 0;
}

bool LlhttpFeed::feed(std::string_view bytes, Fields* fields, BodySink* sink) {
  fields_ = fields;
  sink_ = sink;
  const llhttp_errno_t outcome = llhttp_execute(&parser_, bytes.data(), bytes.size());
  fields_ = nullptr;
  sink_ = nullptr;
  if (outcome == HPE_OK) return true;
  // An Upgrade field makes llhttp pause where the message ends; for us that is an end like any other.
  const bool paused = outcome == HPE_PAUSED || outcome == HPE_PAUSED_UPGRADE;
  return paused && message_complete_ && llhttp_get_error_pos(&parser_) == bytes.data() + bytes.size();
}

bool LlhttpFeed::method_refused() const {
  const llhttp_errno_t error = llhttp_get_errno(&parser_);
  return error == HPE_INVALID_METHOD || error == HPE_INVALID_CONSTANT;
}

std::string_view LlhttpFeed::error_text() const {
  const char* text = llhttp_get_error_reason(&parser_);
  return text != nullptr && *text != '\0' ? std::string_view(text) : std::string_view("malformed message");
}

int LlhttpFeed::on_target(llhttp_t* parser, const char* data, std::size_t size) {
  extend(self(parser).target_, data, size);
  return 0;
}

int LlhttpFeed::on_field(llhttp_t* parser, const char* data, std::size_t size) {
  LlhttpFeed& feed = self(parser);
  // An empty value comes without a callback in some versions: what does not continue the name is the next one.
  if (feed.name_.data() != nullptr && feed.name_.data() + feed.name_.size() != data) feed.end_field();
  extend(feed.name_, data, size);
  return 0;
}

int LlhttpFeed::on_value(llhttp_t* parser, const char* data, std::size_t size) {
  extend(self(parser).value_, data, size);
  return 0;
}

void LlhttpFeed::end_field() {
  if (name_.data() == nullptr) return;
  if (fields_ != nullptr) fields_->add(name_, trim_whitespace(value_));
  name_ = {};
  value_ = {};
}

int LlhttpFeed::on_headers_complete(llhttp_t* parser) {
  LlhttpFeed& feed = self(parser);
  feed.end_field();
  feed.headers_complete_ = true;
  feed.chunked_ = (parser->flags & F_CHUNKED) != 0;
  feed.content_length_ = parser->content_length;
  return 0;
}

int LlhttpFeed::on_body(llhttp_t* parser, const char* data, std::size_t size) {
  LlhttpFeed& feed = self(parser);
  if (feed.sink_ != nullptr) feed.sink_->on_body({data, size});
  return 0;
}

int LlhttpFeed::on_message_complete(llhttp_t* parser) {
  LlhttpFeed& feed = self(parser);
  feed.end_field();
  feed.message_complete_ = true;
  return HPE_PAUSED;
}

}  // namespace gateway::proxy
