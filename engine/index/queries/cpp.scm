; What C++ alone has.

(class_specifier name: (_) @name (base_class_clause)? @bases body: (_) @body) @class
(namespace_definition name: (_) @name body: (_) @body) @module
(alias_declaration name: (_) @name) @type
(concept_definition name: (_) @name) @type

; Catch2 and doctest: `TEST_CASE("adds") { ... }`
(call_expression function: (identifier) @callee arguments: (argument_list . (string_literal) @title)) @test

(using_declaration) @import
