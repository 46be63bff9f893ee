; What JavaScript and TypeScript both define and import. Each pattern begins with the node that is the definition; the
; first that fits wins. `top`: only where no function is around it.

(function_declaration name: (_) @name body: (_) @body) @function
(generator_function_declaration name: (_) @name body: (_) @body) @function
(class_declaration name: (_) @name (class_heritage)? @bases body: (_) @body) @class
(method_definition name: (_) @name body: (_) @body) @method

((variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)) @function (#set! top))
((variable_declarator name: (identifier) @name value: (function_expression body: (_) @body)) @function (#set! top))
((variable_declarator name: (identifier) @name value: (generator_function body: (_) @body)) @function (#set! top))
((variable_declarator name: (identifier) @name value: (class (class_heritage)? @bases body: (_) @body)) @class (#set! top))
((variable_declarator name: (identifier) @name) @variable (#set! top))

((shorthand_property_identifier_pattern) @name @constant (#set! top))

; `exports.f = function () {}`, `Type.prototype.m = function () {}`
((assignment_expression
  left: (member_expression object: (_) @owner property: (_) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @method (#set! top))
((assignment_expression
  left: (member_expression object: (identifier) @owner property: (_) @name)) @variable
  (#eq? @owner "exports") (#set! top))
((assignment_expression
  left: (member_expression object: (member_expression) @owner property: (_) @name)) @variable
  (#eq? @owner "module.exports") (#set! top))
((pair key: (property_identifier) @name value: (arrow_function body: (_) @body)) @method (#set! top))
((pair key: (property_identifier) @name value: (function_expression body: (_) @body)) @method (#set! top))

; `export default` of something without a name
(export_statement "default" @name value: (arrow_function body: (_) @body)) @function
(export_statement "default" @name value: (function_expression body: (_) @body)) @function
(export_statement "default" @name value: (class body: (_) @body)) @class

; `it("adds", () => {})`, `describe.each(...)("of", ...)`, `test.only`, `t.test`: which of them it is, is told by the name of what is called.
(call_expression function: (_) @callee arguments: (arguments . (_) @title)) @test

(import_statement) @import
(export_statement source: (_)) @import
(export_statement (export_clause)) @import
(export_statement value: (identifier)) @import
