"""The words that fields of the APIs take where they are no free text: roles, kinds, reasons, settings, errors.

A value outside this list is withheld below `full`, because a field that ought to hold one of few words can be made to
hold a sentence. A word that is missing here costs a detail of a record; one that is here cannot tell a secret.
"""

__all__ = ["WORDS"]

_ROLES_AND_OBJECTS = """
    assistant developer function system tool user
    chat.completion embedding error list message response text_completion
"""
_PARTS = """
    audio code_execution_tool_result code_interpreter_call computer_call computer_call_output container_upload
    custom_tool_call custom_tool_call_output document file file_search_call function_call function_call_output image
    image_generation_call image_url input_audio input_file input_image input_text item_reference local_shell_call
    local_shell_call_output mcp_approval_request mcp_approval_response mcp_call mcp_list_tools mcp_tool_result
    mcp_tool_use output_audio output_text reasoning reasoning.encrypted reasoning.summary reasoning.text
    reasoning_text redacted_thinking refusal search_result server_tool_use summary_text text thinking tool_result
    tool_use video_url web_fetch_tool_result web_search_call web_search_tool_result
"""
_TOOLS = """
    allowed_tools any auto bash code_execution code_interpreter computer computer_use_preview custom file_search
    image_generation local_shell mcp memory none required text_editor validated web_fetch web_search
    web_search_preview
"""
_REASONS = """
    abort canceled cancelled completed content_filter end_turn failed in_progress incomplete length
    max_output_tokens max_tokens model_context_window_exceeded pause_turn queued repetition stop stop_sequence
    tool_calls
"""
_SETTINGS = """
    adaptive base64 commentary concise default detailed disabled enabled ephemeral fast final_answer flex float
    grammar high in_memory in-memory json_object json_schema low max medium minimal original priority scale standard
    standard_only xhigh 1h 24h 5m
    code_interpreter_call.outputs computer_call_output.output.image_url file_search_call.results
    message.input_image.image_url message.output_text.logprobs reasoning.encrypted_content
    web_search_call.action.sources
"""
_ERRORS = """
    api_error authentication_error billing_error context_length_exceeded insufficient_quota internal_error
    invalid_api_key invalid_request_error model_not_found not_found_error overloaded_error permission_error
    rate_limit_error rate_limit_exceeded request_too_large server_error timeout_error
"""

WORDS = frozenset((_ROLES_AND_OBJECTS + _PARTS + _TOOLS + _REASONS + _SETTINGS + _ERRORS).split())
